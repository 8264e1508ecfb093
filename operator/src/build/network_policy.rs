//! Who may reach the pods, and whom they may reach.
//!
//! Listeners that are Public are open to all; those that are Private or for the Cluster only to private addresses and pods. The admin port
//! is open to the cluster's pods for health and metrics. The way out is DNS, and the ports of next hops.

use std::collections::BTreeSet;

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use postern_config::Domain;
use postern_crds::smtp_relay::{ADMIN_PORT, Exposure};

use super::names::Names;
use crate::validate::Validated;

/// Addresses that the Internet has no route to (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

pub(super) fn build(names: &Names, validated: &Validated<'_>) -> NetworkPolicy {
    NetworkPolicy {
        metadata: names.metadata(&names.workload()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(names.selector()),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(validated)),
            egress: Some(egress(validated)),
        }),
    }
}

fn ingress(validated: &Validated<'_>) -> Vec<NetworkPolicyIngressRule> {
    let ports = |wanted: &[Exposure]| {
        let listeners = validated.relay.spec.listeners.iter().filter(|listener| wanted.contains(&listener.exposure));
        listeners.map(|listener| port("TCP", listener.pod_port())).collect::<Vec<_>>()
    };
    let rule = |ports: Vec<_>, from| (!ports.is_empty()).then_some(NetworkPolicyIngressRule { ports: Some(ports), from });
    let private = PRIVATE.map(block).into_iter().chain([all_pods()]).collect();
    [
        rule(ports(&[Exposure::Public]), None),
        rule(ports(&[Exposure::Private]), Some(private)),
        rule(ports(&[Exposure::Cluster]), Some(vec![all_pods()])),
        rule(vec![port("TCP", ADMIN_PORT)], Some(vec![all_pods()])),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn egress(validated: &Validated<'_>) -> Vec<NetworkPolicyEgressRule> {
    let dns = NetworkPolicyEgressRule { ports: Some(vec![port("UDP", 53), port("TCP", 53)]), to: None };
    let next_hops: BTreeSet<_> = validated.configuration.domains.iter().flat_map(next_hop_ports).collect();
    let ports: Vec<_> = next_hops.into_iter().map(|number| port("TCP", i32::from(number))).collect();
    let out = (!ports.is_empty()).then_some(NetworkPolicyEgressRule { ports: Some(ports), to: None });
    [dns].into_iter().chain(out).collect()
}

fn next_hop_ports(domain: &Domain) -> impl Iterator<Item = u16> {
    domain.next_hops().flat_map(|group| group.hops.iter().map(|hop| hop.port))
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort { protocol: Some(protocol.to_owned()), port: Some(IntOrString::Int(number)), end_port: None }
}

fn block(cidr: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr: cidr.to_owned(), except: None }), ..NetworkPolicyPeer::default() }
}

fn all_pods() -> NetworkPolicyPeer {
    NetworkPolicyPeer { namespace_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() }
}
