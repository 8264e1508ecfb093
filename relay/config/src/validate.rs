//! What a configuration must hold beyond its shape. Both sides call it: the operator before it writes, the relay before it uses.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;

use crate::{
    Configuration, Delivery, Domain, DomainName, DomainType, Limits, Listener, ListenerTls, Mx, NextHopTls, NextHops, OutboundRoute,
    RecipientValidation, RelayConfig, Role, RouteTarget, SenderPattern, Spool, Storage, Timeouts, TrustRequirement, Trusted,
};

/// The relay's admin port; no listener may take it.
pub const ADMIN_PORT: u16 = 9464;
/// The relay's control port; no listener may take it.
pub const CONTROL_PORT: u16 = 9465;
/// The most networks of a cluster: each connection is looked up in them.
pub const MOST_CLUSTER_CIDRS: usize = 1024;

/// A rule that the configuration breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the configuration.
    pub field: String,
    /// What is wrong, and what would mend it.
    pub problem: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

/// Every rule that `configuration` breaks; empty when it may be used.
#[must_use]
pub fn validate(configuration: &Configuration) -> Vec<Violation> {
    let mut check = Check::default();
    check.root(&configuration.root);
    check.domains(configuration);
    check.violations
}

#[derive(Default)]
struct Check {
    violations: Vec<Violation>,
}

impl Check {
    fn require(&mut self, holds: bool, field: impl Into<String>, problem: impl Into<String>) {
        if !holds {
            self.violations.push(Violation { field: field.into(), problem: problem.into() });
        }
    }

    fn root(&mut self, root: &RelayConfig) {
        self.require((1..=16).contains(&root.listeners.len()), "listeners", "must hold 1 to 16 listeners");
        let names: BTreeSet<_> = root.listeners.iter().map(|listener| &listener.name).collect();
        self.require(names.len() == root.listeners.len(), "listeners", "names must differ");
        let ports: BTreeSet<_> = root.listeners.iter().map(|listener| listener.port).collect();
        self.require(ports.len() == root.listeners.len(), "listeners", "ports must differ");
        for listener in &root.listeners {
            self.listener(listener);
            self.trusted_networks(listener, root);
        }
        let certificates = &root.tls.certificates;
        self.require((1..=16).contains(&certificates.len()), "tls.certificates", "must name 1 to 16 certificates");
        for certificate in certificates {
            self.file_name("tls.certificates", certificate);
        }
        self.limits(&root.limits);
        self.timeouts(&root.timeouts);
        self.require(
            root.cluster_cidrs.len() <= MOST_CLUSTER_CIDRS,
            "clusterCIDRs",
            format!("must hold at most {MOST_CLUSTER_CIDRS} networks"),
        );
        for cidr in &root.cluster_cidrs {
            self.require(is_proper_network(cidr), "clusterCIDRs", format!("{cidr} is everyone; name the cluster's own networks"));
        }
        self.users(root);
        self.routes(root);
        self.dns_servers(&root.dns_servers);
        self.queue(root);
    }

    fn users(&mut self, root: &RelayConfig) {
        self.require(root.users.len() <= 1000, "users", "must name at most 1000 users");
        let names: BTreeSet<_> = root.users.iter().collect();
        self.require(names.len() == root.users.len(), "users", "names must differ");
        for user in &root.users {
            self.file_name("users", user);
        }
    }

    fn routes(&mut self, root: &RelayConfig) {
        self.require(root.routes.len() <= 64, "routes", "must hold at most 64 routes");
        let names: BTreeSet<_> = root.routes.iter().map(|route| &route.name).collect();
        self.require(names.len() == root.routes.len(), "routes", "names must differ");
        for route in &root.routes {
            self.route(route, root);
        }
    }

    fn route(&mut self, route: &OutboundRoute, root: &RelayConfig) {
        let field = |name: &str| format!("routes[{}].{name}", route.name);
        let matches = &route.matches;
        let bounds = [
            ("senders", matches.senders.len(), 256),
            ("recipientDomains", matches.recipient_domains.len(), 256),
            ("users", matches.users.len(), 256),
            ("listeners", matches.listeners.len(), 16),
        ];
        for (name, count, most) in bounds {
            self.require(count <= most, field(&format!("match.{name}")), format!("must hold at most {most} entries"));
        }
        let is_any = matches.senders.contains(&SenderPattern::Any);
        self.require(!is_any, field("match.senders"), "`*` says nothing here; leave the list out");
        for name in &matches.listeners {
            let is_there = root.listeners.iter().any(|listener| listener.name == *name);
            self.require(is_there, field("match.listeners"), format!("there is no listener `{name}`"));
        }
        self.target(&field("to"), &route.to);
    }

    fn target(&mut self, field: &str, target: &RouteTarget) {
        match target {
            RouteTarget::Hosts { next_hops, credentials } => {
                self.next_hops(field, next_hops);
                if let Some(name) = credentials {
                    self.file_name(&format!("{field}.credentials"), name);
                }
            }
            RouteTarget::Mx(mx) => self.mx(field, mx),
        }
    }

    fn mx(&mut self, field: &str, mx: &Mx) {
        self.require(mx.port != 0, format!("{field}.port"), "must not be 0");
        self.require(mx.tls.server_name.is_none(), format!("{field}.tls.serverName"), "exchangers show their own names; leave it out");
        self.require(mx.waivers.len() <= 256, format!("{field}.waivers"), "must hold at most 256 domains");
        self.require(mx.allow_cidrs.len() <= 64, format!("{field}.allowCIDRs"), "must hold at most 64 networks");
        for cidr in &mx.allow_cidrs {
            self.require(
                is_proper_network(cidr),
                format!("{field}.allowCIDRs"),
                format!("{cidr} is everyone; name the networks that are meant"),
            );
        }
        self.link(field, &mx.tls);
    }

    fn dns_servers(&mut self, servers: &[SocketAddr]) {
        self.require(servers.len() <= 3, "dnsServers", "must hold at most 3 servers");
        let distinct: BTreeSet<_> = servers.iter().collect();
        self.require(distinct.len() == servers.len(), "dnsServers", "servers must differ");
        for server in servers {
            let is_one = server.port() != 0 && !server.ip().is_unspecified() && !server.ip().is_multicast();
            self.require(is_one, "dnsServers", format!("{server} is not where a server can be; write its address and port"));
        }
    }

    fn queue(&mut self, root: &RelayConfig) {
        let is_used = root.listeners.iter().any(|listener| listener.delivery == Delivery::Spool);
        match &root.spool {
            Some(spool) => {
                self.require(is_used, "spool", "no listener delivers through it; leave it out");
                self.spool(spool);
            }
            None => self.require(!is_used, "spool", "a listener delivers through the spool: say where it lies"),
        }
    }

    fn spool(&mut self, spool: &Spool) {
        let bounds = [
            ("lifetimeSeconds", spool.lifetime_seconds, 3600, 2_592_000),
            ("delayWarningSeconds", spool.delay_warning_seconds.unwrap_or(60), 60, 2_592_000),
            ("deliveries", spool.deliveries, 1, 10_000),
            ("deliveriesPerDestination", spool.deliveries_per_destination, 1, 1000),
            ("retry.firstSeconds", spool.retry.first_seconds, 1, 86_400),
            ("retry.longestSeconds", spool.retry.longest_seconds, spool.retry.first_seconds, 86_400),
        ];
        for (name, value, low, high) in bounds {
            self.require((low..=high).contains(&value), format!("spool.{name}"), format!("must be {low} to {high}"));
        }
        if let Storage::Postgres { database, connections } = &spool.storage {
            self.file_name("spool.storage.database", database);
            self.require((2..=100).contains(connections), "spool.storage.connections", "must be 2 to 100");
        }
    }

    fn listener(&mut self, listener: &Listener) {
        let field = |name: &str| format!("listeners[{}].{name}", listener.name);
        self.require(listener.port != 0, field("port"), "must not be 0");
        self.require(listener.port != ADMIN_PORT, field("port"), format!("{ADMIN_PORT} is the admin port; take another"));
        self.require(listener.port != CONTROL_PORT, field("port"), format!("{CONTROL_PORT} is the control port; take another"));
        self.role(listener);
        if let Some(proxy) = &listener.proxy_protocol {
            let count = proxy.trusted_cidrs.len();
            self.require((1..=64).contains(&count), field("proxyProtocol.trustedCIDRs"), "must hold 1 to 64 networks");
            for cidr in &proxy.trusted_cidrs {
                self.require(
                    is_proper_network(cidr),
                    field("proxyProtocol.trustedCIDRs"),
                    format!("{cidr} is everyone; name the proxies, so that a stranger can't choose its address"),
                );
            }
        }
    }

    /// What each role asks for: who may send must show it after TLS.
    fn role(&mut self, listener: &Listener) {
        let field = |name: &str| format!("listeners[{}].{name}", listener.name);
        for bundle in &listener.client_cas {
            self.file_name(&field("clientCAs"), bundle);
        }
        let may_be_clear = listener.tls == ListenerTls::StartTlsOptional;
        match listener.role {
            Role::Submission => self.require(!may_be_clear, field("tls"), "passwords only come over TLS; take StartTls or Implicit"),
            Role::Inbound | Role::Trusted => {}
        }
        self.require(
            listener.trusted.is_some() == (listener.role == Role::Trusted),
            field("trusted"),
            "must be there on a Trusted listener, and on no other",
        );
        if let Some(trusted) = &listener.trusted {
            self.trusted(&field("trusted"), trusted, !listener.client_cas.is_empty());
        }
    }

    /// Behind SNAT the whole Internet may come with the address of a node or pod.
    fn trusted_networks(&mut self, listener: &Listener, root: &RelayConfig) {
        let cidrs = listener.trusted.iter().flat_map(|trusted| &trusted.cidrs);
        for cidr in cidrs {
            let holds = root.cluster_cidrs.iter().find(|network| cidr.contains(*network));
            if let Some(network) = holds {
                let problem = format!(
                    "{cidr} holds {network}, a network of the cluster, from which anyone may come; name the servers that are meant"
                );
                self.require(false, format!("listeners[{}].trusted.cidrs", listener.name), problem);
            }
        }
    }

    fn trusted(&mut self, field: &str, trusted: &Trusted, has_client_cas: bool) {
        let (names, cidrs) = (&trusted.certificate_names, &trusted.cidrs);
        self.require(names.len() <= 64, format!("{field}.certificateNames"), "must hold at most 64 names");
        self.require(cidrs.len() <= 64, format!("{field}.cidrs"), "must hold at most 64 networks");
        self.require(
            names.is_empty() || has_client_cas,
            format!("{field}.certificateNames"),
            "needs clientCAs that certificates must come from",
        );
        for name in names {
            let is_name = DomainName::parse(name.strip_prefix("*.").unwrap_or(name)).is_ok();
            self.require(is_name, format!("{field}.certificateNames"), format!("`{name}` is not a lower-case host name"));
        }
        for cidr in cidrs {
            let problem = format!("{cidr} is wider than /24 (IPv4) or /64 (IPv6); name the servers that are meant");
            self.require(is_tight_network(cidr), format!("{field}.cidrs"), problem);
        }
        let (is_complete, problem) = match trusted.require {
            TrustRequirement::Any => (!names.is_empty() || !cidrs.is_empty(), "names nobody: give certificateNames or cidrs"),
            TrustRequirement::All => (!names.is_empty() && !cidrs.is_empty(), "both are required: give certificateNames and cidrs"),
        };
        self.require(is_complete, field, problem);
        let by_certificate = !names.is_empty() && (cidrs.is_empty() || trusted.require == TrustRequirement::All);
        let senders = &trusted.allowed_senders;
        self.require((1..=1000).contains(&senders.len()), format!("{field}.allowedSenders"), "must hold 1 to 1000 senders");
        self.require(
            by_certificate || !senders.contains(&SenderPattern::Any),
            format!("{field}.allowedSenders"),
            "`*` is only for who shows a certificate: an address alone grants no sender",
        );
        if let Some(tenant) = &trusted.tenant {
            let is_field = !tenant.header.is_empty() && tenant.header.bytes().all(|b| b.is_ascii_graphic() && b != b':');
            self.require(is_field, format!("{field}.tenant.header"), "is not the name of a header field");
            self.require((1..=64).contains(&tenant.values.len()), format!("{field}.tenant.values"), "must hold 1 to 64 values");
        }
        for name in names.iter().filter(|name| is_shared_by_tenants(name)) {
            self.require(
                trusted.tenant.is_some(),
                format!("{field}.tenant"),
                format!("every tenant of the provider shows `{name}`: say which header field names yours"),
            );
        }
    }

    fn limits(&mut self, limits: &Limits) {
        let at_least_one = [
            ("messageBytes", limits.message_bytes),
            ("recipients", limits.recipients.into()),
            ("connections", limits.connections.into()),
            ("connectionsPerClient", limits.connections_per_client.into()),
            ("messagesPerClientPerMinute", limits.messages_per_client_per_minute.into()),
        ];
        for (name, value) in at_least_one {
            self.require(value >= 1, format!("limits.{name}"), "must be at least 1");
        }
        self.require(limits.scratch_bytes >= limits.message_bytes, "limits.scratchBytes", "must hold at least one message of messageBytes");
        for cidr in &limits.shared_source_cidrs {
            self.require(
                is_proper_network(cidr),
                "limits.sharedSourceCIDRs",
                format!("{cidr} is everyone; no limit per client would be left"),
            );
        }
    }

    fn timeouts(&mut self, timeouts: &Timeouts) {
        let bounds = [
            ("clientCommandSeconds", timeouts.client_command_seconds, 1, 3600),
            ("clientDataSeconds", timeouts.client_data_seconds, 1, 3600),
            ("nextHopCommandSeconds", timeouts.next_hop_command_seconds, 1, 240),
            ("nextHopFinalReplySeconds", timeouts.next_hop_final_reply_seconds, 1, 540),
        ];
        for (name, value, low, high) in bounds {
            self.require((low..=high).contains(&value), format!("timeouts.{name}"), format!("must be {low} to {high}"));
        }
    }

    fn domains(&mut self, configuration: &Configuration) {
        for pair in configuration.domains.windows(2) {
            self.require(pair[0].name != pair[1].name, format!("domains[{}]", pair[0].name), "stands twice");
        }
        for domain in &configuration.domains {
            self.domain(domain, configuration);
        }
    }

    fn domain(&mut self, domain: &Domain, configuration: &Configuration) {
        let field = |name: &str| format!("domains[{}].{name}", domain.name);
        self.require(
            !domain.name.is_public_suffix(),
            field("name"),
            "is a public suffix: anyone may register names below it, and nobody owns its mail",
        );
        match &domain.kind {
            DomainType::Authoritative { next_hops, recipients } => {
                self.next_hops(&field("nextHops"), next_hops);
                self.recipients(&field("recipients"), recipients, configuration);
            }
            DomainType::InternalRelay { next_hops, recipients, unknown_recipients } => {
                self.next_hops(&field("nextHops"), next_hops);
                self.recipients(&field("recipients"), recipients, configuration);
                self.next_hops(&field("unknownRecipients"), unknown_recipients);
            }
            DomainType::ExternalRelay { to } => self.target(&field("to"), to),
            DomainType::Detached => {}
        }
    }

    fn recipients(&mut self, field: &str, recipients: &RecipientValidation, configuration: &Configuration) {
        if let RecipientValidation::List { list } = recipients {
            self.require(configuration.recipients.contains_key(list), field, format!("the list `{list}` is not there"));
        }
    }

    fn next_hops(&mut self, field: &str, next_hops: &NextHops) {
        self.require((1..=16).contains(&next_hops.hops.len()), field, "must hold 1 to 16 servers");
        for hop in &next_hops.hops {
            self.require(is_host(&hop.host), field, format!("`{}` is neither a lower-case host name nor an IP address", hop.host));
            self.require(hop.port != 0, field, "the port must not be 0");
        }
        self.require(next_hops.allowed_cidrs.len() <= 64, format!("{field}.allowedCIDRs"), "must hold at most 64 networks");
        self.link(field, &next_hops.tls);
    }

    fn link(&mut self, field: &str, tls: &NextHopTls) {
        for bundle in &tls.trust {
            self.file_name(field, bundle);
        }
        if let Some(certificate) = &tls.client_certificate {
            self.file_name(field, certificate);
        }
    }

    /// Names become parts of file names.
    fn file_name(&mut self, field: &str, name: &str) {
        let is_plain = (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
            && !name.starts_with('.');
        self.require(is_plain, field, format!("`{name}` is not a plain lower-case name"));
    }
}

/// Whether mail can go to a host of that name: an IP address, `localhost`, or a whole domain name in lower case.
#[must_use]
pub fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text == "localhost" || DomainName::parse(text).is_ok()
}

/// Everyone's network is no network: with it, a rule about some sources is a rule about all.
fn is_proper_network(cidr: &IpNet) -> bool {
    cidr.prefix_len() > 0
}

/// An address alone grants something only where few can have it.
fn is_tight_network(cidr: &IpNet) -> bool {
    match cidr {
        IpNet::V4(network) => network.prefix_len() >= 24,
        IpNet::V6(network) => network.prefix_len() >= 64,
    }
}

/// Names with which a provider's servers come on behalf of any of its tenants.
fn is_shared_by_tenants(name: &str) -> bool {
    const SHARED: [&str; 2] = ["mail.protection.outlook.com", "google.com"];
    SHARED.iter().any(|shared| name.ends_with(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(servers: &[&str]) -> Vec<String> {
        let servers: Vec<_> = servers.iter().map(|server| server.parse().unwrap()).collect();
        let mut check = Check::default();
        check.dns_servers(&servers);
        check.violations.iter().map(Violation::to_string).collect()
    }

    #[test]
    fn dns_servers_are_few_and_each_is_one_server() {
        assert!(said_of(&["127.0.0.1:53", "127.0.0.1:5300", "[2001:db8::53]:53"]).is_empty());
        assert_eq!(said_of(&["192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53", "192.0.2.4:53"]), ["dnsServers: must hold at most 3 servers"]);
        assert_eq!(said_of(&["192.0.2.1:53", "192.0.2.1:53"]), ["dnsServers: servers must differ"]);
        for server in ["0.0.0.0:53", "[::]:53", "224.0.0.251:5353", "[ff02::fb]:5353", "192.0.2.1:0"] {
            assert_eq!(said_of(&[server]), [format!("dnsServers: {server} is not where a server can be; write its address and port")]);
        }
    }
}
