//! Who reaches the pods, and whom they reach. It follows the exposure of the listeners and the next hops of the domains.

use std::{collections::BTreeSet, net::IpAddr};

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use postern_config::{DomainType, NextHop};
use postern_crds::{
    SmtpRelay,
    smtp_relay::{ADMIN_PORT, Exposure, Listener},
};

use super::metadata::{child, selector};
use crate::validate::Validated;

/// Networks that the Internet does not reach (RFC 1918, RFC 6598, RFC 4193): who may use a `Private` listener when nothing is named.
const PRIVATE_NETWORKS: [&str; 5] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
/// Port 53, and 5353 where cluster DNS pods listen on it (OpenShift): a policy sees the pod's port.
const DNS_PORTS: [i32; 2] = [53, 5353];

pub(super) fn build(relay: &Validated<'_>) -> NetworkPolicy {
    let resource = relay.relay;
    NetworkPolicy {
        metadata: child(resource, "relay"),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector(resource)),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(resource)),
            egress: Some(egress(relay)),
        }),
    }
}

fn ingress(relay: &SmtpRelay) -> Vec<NetworkPolicyIngressRule> {
    let listeners = relay
        .spec
        .listeners
        .iter()
        .map(|listener| NetworkPolicyIngressRule { from: sources(relay, listener), ports: Some(vec![tcp(listener.pod_port())]) });
    let admin = NetworkPolicyIngressRule { from: Some(vec![every_pod()]), ports: Some(vec![tcp(ADMIN_PORT)]) };
    listeners.chain([admin]).collect()
}

/// Who may connect to a listener; none is everyone.
fn sources(relay: &SmtpRelay, listener: &Listener) -> Option<Vec<NetworkPolicyPeer>> {
    if let Some(proxy) = &listener.proxy_protocol {
        return Some(proxy.trusted_cidrs.iter().map(|network| block(network.to_string())).collect());
    }
    match listener.exposure {
        Exposure::Public => None,
        Exposure::Private => {
            let named = relay.spec.service(Exposure::Private).load_balancer_source_ranges;
            if named.is_empty() {
                return Some(PRIVATE_NETWORKS.iter().map(|network| block((*network).to_owned())).collect());
            }
            Some(named.iter().map(|network| block(network.to_string())).collect())
        }
        Exposure::Cluster => Some(vec![every_pod()]),
    }
}

fn egress(relay: &Validated<'_>) -> Vec<NetworkPolicyEgressRule> {
    let dns = DNS_PORTS.iter().flat_map(|number| [port("UDP", *number), port("TCP", *number)]).collect();
    let mut rules = vec![NetworkPolicyEgressRule { ports: Some(dns), to: None }];
    let hops = next_hops(relay);
    let ports: BTreeSet<_> = hops.iter().map(|hop| hop.port).collect();
    if !ports.is_empty() {
        let ports = ports.into_iter().map(|number| tcp(i32::from(number))).collect();
        rules.push(NetworkPolicyEgressRule { ports: Some(ports), to: None });
    }
    let namespaces: BTreeSet<_> = hops.iter().filter_map(|hop| namespace_of_service(&hop.host)).collect();
    if !namespaces.is_empty() {
        let to = namespaces.into_iter().map(pods_of).collect();
        rules.push(NetworkPolicyEgressRule { ports: None, to: Some(to) });
    }
    rules
}

fn next_hops<'a>(relay: &'a Validated<'_>) -> Vec<&'a NextHop> {
    let domains = relay.configuration.domains.iter();
    domains
        .flat_map(|domain| match &domain.kind {
            DomainType::Authoritative { next_hops, .. } => vec![next_hops],
            DomainType::InternalRelay { next_hops, unknown_recipients, .. } => vec![next_hops, unknown_recipients],
            DomainType::Detached => Vec::new(),
        })
        .flat_map(|next_hops| &next_hops.hops)
        .collect()
}

/// The namespace of a next hop that is a Service. Its pods may listen on another port than the Service has, and a policy sees theirs.
fn namespace_of_service(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    let (_, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    (svc == "svc" && host.parse::<IpAddr>().is_err()).then_some(namespace)
}

fn every_pod() -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}

fn pods_of(namespace: &str) -> NetworkPolicyPeer {
    let labels = [("kubernetes.io/metadata.name".to_owned(), namespace.to_owned())].into();
    let selector = LabelSelector { match_labels: Some(labels), match_expressions: None };
    NetworkPolicyPeer { namespace_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

fn block(cidr: String) -> NetworkPolicyPeer {
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr, except: None }), ..NetworkPolicyPeer::default() }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort { port: Some(IntOrString::Int(number)), protocol: Some(protocol.to_owned()), end_port: None }
}
