//! `ClientAddressPreserved` says whether the relay can tell clients apart, as far as anybody can know.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use jiff::Timestamp;
use postern_operator::{
    dereference::{Absent, CLUSTER_DOMAIN, Context, dereference},
    material::Sealed,
    status::{self, Applied, Clients, Pods},
    validate::validate,
};
use support::{
    inventory, relay,
    statuses::{condition, edge},
};

/// Status, reason and message of the condition, for a relay that has seen clients, in a cluster whose ranges are known or not.
fn told(relay: &str, own: u64, cluster: u64, is_known: bool) -> (String, String, String) {
    let inventory = inventory(&[relay]);
    let ranges = ["10.0.0.0/8".parse().unwrap()];
    let cluster_cidrs = if is_known { &ranges[..] } else { &[] };
    let now = Timestamp::now();
    let context = Context { inventory: &inventory, now, absent: Absent::Missing, cluster_domain: CLUSTER_DOMAIN, cluster_cidrs };
    let relay = &inventory.relays[&edge()];
    let findings = validate(dereference(relay, context), |_| Ok(Sealed::Closed));
    assert_eq!(findings.relay.as_ref().unwrap().configuration.root.cluster_cidrs, cluster_cidrs);
    let pods = Pods { count: 1, ready: 1, clients: Clients { own, cluster }, ..Pods::default() };
    let status = status::relay(relay, &findings, &pods, &Applied::default(), now);
    let (holds, reason, message) = condition(&status.conditions, "ClientAddressPreserved").unwrap();
    (holds.to_owned(), reason.to_owned(), message.to_owned())
}

fn reason(relay: &str, own: u64, cluster: u64, is_known: bool) -> (String, String) {
    let (holds, reason, _) = told(relay, own, cluster, is_known);
    (holds, reason)
}

fn expect(holds: &str, reason: &str) -> (String, String) {
    (holds.to_owned(), reason.to_owned())
}

#[test]
fn what_clients_came_decides() {
    let relay = relay("edge", 25);
    assert_eq!(reason(&relay, 0, 0, true), expect("Unknown", "NoClientsYet"));
    assert_eq!(reason(&relay, 5, 0, true), expect("True", "Preserved"));
    assert_eq!(reason(&relay, 5, 2, true), expect("True", "Preserved"), "a monitor of the cluster sends mail too");
    assert_eq!(reason(&relay, 0, 2, true), expect("False", "ClientsArriveThroughNodes"));
}

#[test]
fn nobody_knows_while_the_addresses_of_the_cluster_are_not_known() {
    let relay = relay("edge", 25);
    assert_eq!(reason(&relay, 5, 0, false), expect("Unknown", "RangesUnknown"));
    assert_eq!(reason(&relay, 0, 2, false), expect("False", "ClientsArriveThroughNodes"), "a node's own address is known to its pods");
    assert_eq!(reason(&relay, 0, 0, false), expect("Unknown", "NoClientsYet"));
}

#[test]
fn a_service_that_hides_clients_is_named_before_any_comes() {
    let hiding = format!("{}  services: [{{exposure: Public, externalTrafficPolicy: Cluster}}]\n", relay("edge", 25));
    let (holds, reason_, message) = told(&hiding, 5, 0, true);
    assert_eq!((holds.as_str(), reason_.as_str()), ("False", "ExternalTrafficPolicyCluster"));
    assert!(message.contains("spec.services") && message.contains("listener mx") && message.contains("make it Local"), "{message}");
    let proxied = hiding.replace("port: 25", "port: 25, proxyProtocol: {trustedCIDRs: [10.0.0.0/8]}");
    assert_eq!(reason(&proxied, 5, 0, true), expect("True", "Preserved"), "the proxy tells the address");
}

#[test]
fn clients_of_a_relay_for_the_cluster_are_pods() {
    let inside = relay("edge", 25).replace("port: 25", "port: 25, exposure: Cluster");
    assert_eq!(reason(&inside, 0, 7, true), expect("True", "Preserved"));
}

#[test]
fn the_text_does_not_change_with_every_mail() {
    let relay = relay("edge", 25);
    assert_eq!(told(&relay, 1, 1, true), told(&relay, 1000, 7, true));
    assert_eq!(told(&relay, 0, 1, true), told(&relay, 0, 9, true));
}
