//! What a configuration must hold beyond its shape. Both sides call it: the operator before it writes, the relay before it uses.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use ipnet::IpNet;

use crate::{Configuration, Domain, DomainName, DomainType, Limits, Listener, NextHops, RecipientValidation, RelayConfig, Timeouts};

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
    }

    fn listener(&mut self, listener: &Listener) {
        let field = |name: &str| format!("listeners[{}].{name}", listener.name);
        self.require(listener.port != 0, field("port"), "must not be 0");
        self.require(listener.port != ADMIN_PORT, field("port"), format!("{ADMIN_PORT} is the admin port; take another"));
        self.require(listener.port != CONTROL_PORT, field("port"), format!("{CONTROL_PORT} is the control port; take another"));
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
        for bundle in &next_hops.tls.trust {
            self.file_name(field, bundle);
        }
        if let Some(certificate) = &next_hops.tls.client_certificate {
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
