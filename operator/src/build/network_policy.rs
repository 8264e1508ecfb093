//! Who may reach the pods, and whom they may reach.
//!
//! A listener that is Public is open to all; one that is Private to the source ranges of its Service, or else to private addresses; one for
//! the Cluster to pods. Behind a proxy only the proxies may connect. The admin port is open to those who read metrics (probes come from the
//! pod's own node, which policies let through), the control port to the operator, and to the relay's other pods where each has a queue of its own.
//! The way out is DNS, the ports of next hops, smart hosts and exchangers, of those who issue tokens, and of the queue's database; and the DNS
//! servers that the relay names, at their own addresses.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use ipnet::IpNet;
use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use postern_config::{Credentials, Domain, DomainType, NextHop, RouteTarget};
use postern_crds::{
    SmtpRelay,
    smtp_relay::{ADMIN_PORT, CONTROL_PORT, Exposure, ExternalTrafficPolicy, Listener},
};

use super::{Settings, names::Names};
use crate::{dereference::token_port, inventory::NAMESPACE_NAME_LABEL, validate::Validated};

/// Addresses that the Internet has no route to (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Port 53, and 5353 where the cluster's DNS pods listen there: a policy sees the port of the pod behind the Service.
const DNS_PORTS: [i32; 2] = [53, 5353];

/// Where tokens are issued, mostly.
const HTTPS_PORT: u16 = 443;
/// Where PostgreSQL listens, mostly.
const POSTGRES_PORT: u16 = 5432;

/// The label of the operator's pods, and its value.
const OPERATOR_LABEL: (&str, &str) = ("app.kubernetes.io/name", "postern-operator");

pub(super) fn build(names: &Names, validated: &Validated<'_>, settings: &Settings) -> NetworkPolicy {
    NetworkPolicy {
        metadata: names.metadata(&names.workload()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(names.selector()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(names, validated, settings)),
            egress: Some(egress(names, validated)),
        }),
    }
}

fn ingress(names: &Names, validated: &Validated<'_>, settings: &Settings) -> Vec<NetworkPolicyIngressRule> {
    let relay = validated.relay;
    let rule = |from, number| NetworkPolicyIngressRule { from, ports: Some(vec![port("TCP", number)]) };
    let listeners = relay.spec.listeners.iter().map(|listener| rule(sources(relay, listener), listener.pod_port()));
    let scrapers = &settings.relays.metrics_namespace_labels.0;
    // A selector without labels would be every namespace.
    let metrics = (!scrapers.is_empty()).then(|| rule(Some(vec![in_namespaces(scrapers.clone())]), ADMIN_PORT));
    listeners
        .chain(metrics)
        .chain([rule(Some([operator(settings)].into_iter().chain(peers(names, validated)).collect()), CONTROL_PORT)])
        .collect()
}

/// Who may connect to a listener; everyone when it is none.
fn sources(relay: &SmtpRelay, listener: &Listener) -> Option<Vec<NetworkPolicyPeer>> {
    if let Some(proxy) = &listener.proxy_protocol {
        return Some(proxy.trusted_cidrs.iter().map(block).collect());
    }
    match listener.exposure() {
        Exposure::Public => None,
        Exposure::Private => {
            let service = relay.spec.service(Exposure::Private);
            let ranges = &service.load_balancer_source_ranges;
            // Connections that a node passes on come with the node's address, and were filtered before.
            let passed_on = service.traffic_policy() == Some(ExternalTrafficPolicy::Cluster);
            let private = PRIVATE.iter().map(block).filter(|_| ranges.is_empty() || passed_on);
            Some(ranges.iter().map(block).chain(private).collect())
        }
        Exposure::Cluster => Some(vec![all_pods()]),
    }
}

fn egress(names: &Names, validated: &Validated<'_>) -> Vec<NetworkPolicyEgressRule> {
    let dns = DNS_PORTS.iter().flat_map(|&number| [port("UDP", number), port("TCP", number)]).collect();
    let mut rules = vec![NetworkPolicyEgressRule { ports: Some(dns), to: None }];
    rules.extend(validated.configuration.root.dns_servers.iter().map(dns_server));
    let ports = ports_outside(validated);
    if !ports.is_empty() {
        let ports = ports.into_iter().map(|number| port("TCP", i32::from(number))).collect();
        rules.push(NetworkPolicyEgressRule { ports: Some(ports), to: None });
    }
    let database = validated.secrets.database.iter().filter_map(|(_, database)| database.open()).map(|database| &database.host);
    let hosts = hops(validated).map(|hop| &hop.host).chain(database);
    let namespaces: BTreeSet<_> = hosts.filter_map(|host| namespace_of_service(host)).collect();
    if !namespaces.is_empty() {
        let to = namespaces.into_iter().map(|namespace| in_namespaces(name_label(namespace))).collect();
        rules.push(NetworkPolicyEgressRule { ports: None, to: Some(to) });
    }
    if let Some(peers) = peers(names, validated) {
        rules.push(NetworkPolicyEgressRule { ports: Some(vec![port("TCP", CONTROL_PORT)]), to: Some(vec![peers]) });
    }
    rules
}

fn dns_server(server: &SocketAddr) -> NetworkPolicyEgressRule {
    let number = i32::from(server.port());
    let ports = vec![port("UDP", number), port("TCP", number)];
    NetworkPolicyEgressRule { ports: Some(ports), to: Some(vec![block(&IpNet::from(server.ip()))]) }
}

/// Every next hop and smart host that is named.
fn hops<'a>(validated: &'a Validated<'_>) -> impl Iterator<Item = &'a NextHop> {
    let routes = validated.configuration.root.routes.iter().filter_map(|route| route.to.next_hops());
    validated.configuration.domains.iter().flat_map(Domain::next_hops).chain(routes).flat_map(|group| &group.hops)
}

/// The ports of servers that may be anywhere.
fn ports_outside(validated: &Validated<'_>) -> BTreeSet<u16> {
    let configuration = &validated.configuration;
    let external = configuration.domains.iter().filter_map(|domain| match &domain.kind {
        DomainType::ExternalRelay { to } => Some(to),
        _ => None,
    });
    let exchangers = configuration.root.routes.iter().map(|route| &route.to).chain(external).filter_map(|to| match to {
        RouteTarget::Mx(mx) => Some(mx.port),
        RouteTarget::Hosts { .. } => None,
    });
    // Of a Secret that was not read, the usual is taken.
    let issuers = validated.secrets.credentials.values().filter_map(|credentials| match credentials.open() {
        Some(Credentials::XOAuth2 { token_url, .. }) => token_port(token_url),
        Some(Credentials::Password { .. }) => None,
        None => Some(HTTPS_PORT),
    });
    let database = validated.secrets.database.iter();
    let database = database.map(|(_, database)| database.open().map_or(POSTGRES_PORT, |database| database.port));
    hops(validated).map(|hop| hop.port).chain(exchangers).chain(issuers).chain(database).collect()
}

/// The relay's other pods, where mail goes from one to another.
fn peers(names: &Names, validated: &Validated<'_>) -> Option<NetworkPolicyPeer> {
    let pods = NetworkPolicyPeer { pod_selector: Some(names.selector()), ..NetworkPolicyPeer::default() };
    validated.keeps_own_queue().then_some(pods)
}

/// The namespace of a next hop that is a Service. Its pods may listen on another port than the Service has, and a policy sees theirs.
fn namespace_of_service(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let (_, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    (svc == "svc" && host.parse::<IpAddr>().is_err()).then_some(namespace)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some(protocol.to_owned()), port: Some(IntOrString::Int(number)), end_port: None }
}

fn block(cidr: &impl ToString) -> NetworkPolicyPeer {
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.to_string(), except: None }), ..NetworkPolicyPeer::default() }
}

fn all_pods() -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}

fn operator(settings: &Settings) -> NetworkPolicyPeer {
    let (key, value) = OPERATOR_LABEL;
    let pods = selector([(key.to_owned(), value.to_owned())].into());
    NetworkPolicyPeer { pod_selector: Some(pods), ..in_namespaces(name_label(&settings.namespace)) }
}

/// The pods of the namespaces with these labels.
fn in_namespaces(labels: BTreeMap<String, String>) -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(selector(labels)), ..NetworkPolicyPeer::default() }
}

/// The label that every namespace has of its own name.
fn name_label(namespace: &str) -> BTreeMap<String, String> {
    [(NAMESPACE_NAME_LABEL.to_owned(), namespace.to_owned())].into()
}

fn selector(labels: BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels), match_expressions: None }
}
