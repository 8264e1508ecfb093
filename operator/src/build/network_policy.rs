//! Who may reach the pods, and whom they may reach.
//!
//! A listener that is Public is open to all; one that is Private to the source ranges of its Service, or else to private addresses; one for
//! the Cluster to pods. Behind a proxy only the proxies may connect. The admin port is open to those who read metrics (probes come from the
//! pod's own node, which policies let through), the control port to the operator. The way out is DNS, and the ports of next hops.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use postern_config::Domain;
use postern_crds::{
    SmtpRelay,
    smtp_relay::{ADMIN_PORT, CONTROL_PORT, Exposure, ExternalTrafficPolicy, Listener},
};

use super::{Settings, names::Names};
use crate::{inventory::NAMESPACE_NAME_LABEL, validate::Validated};

/// Addresses that the Internet has no route to (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Port 53, and 5353 where the cluster's DNS pods listen there: a policy sees the port of the pod behind the Service.
const DNS_PORTS: [i32; 2] = [53, 5353];

/// The label of the operator's pods, and its value.
const OPERATOR_LABEL: (&str, &str) = ("app.kubernetes.io/name", "postern-operator");

pub(super) fn build(names: &Names, validated: &Validated<'_>, settings: &Settings) -> NetworkPolicy {
    NetworkPolicy {
        metadata: names.metadata(&names.workload()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(names.selector()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(validated.relay, settings)),
            egress: Some(egress(validated)),
        }),
    }
}

fn ingress(relay: &SmtpRelay, settings: &Settings) -> Vec<NetworkPolicyIngressRule> {
    let rule = |from, number| NetworkPolicyIngressRule { from, ports: Some(vec![port("TCP", number)]) };
    let listeners = relay.spec.listeners.iter().map(|listener| rule(sources(relay, listener), listener.pod_port()));
    let scrapers = &settings.relays.metrics_namespace_labels.0;
    // A selector without labels would be every namespace.
    let metrics = (!scrapers.is_empty()).then(|| rule(Some(vec![in_namespaces(scrapers.clone())]), ADMIN_PORT));
    listeners.chain(metrics).chain([rule(Some(vec![operator(settings)]), CONTROL_PORT)]).collect()
}

/// Who may connect to a listener; everyone when it is none.
fn sources(relay: &SmtpRelay, listener: &Listener) -> Option<Vec<NetworkPolicyPeer>> {
    if let Some(proxy) = &listener.proxy_protocol {
        return Some(proxy.trusted_cidrs.iter().map(block).collect());
    }
    match listener.exposure {
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

fn egress(validated: &Validated<'_>) -> Vec<NetworkPolicyEgressRule> {
    let dns = DNS_PORTS.iter().flat_map(|&number| [port("UDP", number), port("TCP", number)]).collect();
    let mut rules = vec![NetworkPolicyEgressRule { ports: Some(dns), to: None }];
    let hops = || validated.configuration.domains.iter().flat_map(Domain::next_hops).flat_map(|group| &group.hops);
    let ports: BTreeSet<_> = hops().map(|hop| hop.port).collect();
    if !ports.is_empty() {
        let ports = ports.into_iter().map(|number| port("TCP", i32::from(number))).collect();
        rules.push(NetworkPolicyEgressRule { ports: Some(ports), to: None });
    }
    let namespaces: BTreeSet<_> = hops().filter_map(|hop| namespace_of_service(&hop.host)).collect();
    if !namespaces.is_empty() {
        let to = namespaces.into_iter().map(|namespace| in_namespaces(name_label(namespace))).collect();
        rules.push(NetworkPolicyEgressRule { ports: None, to: Some(to) });
    }
    rules
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
