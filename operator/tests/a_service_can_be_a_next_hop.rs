//! A next hop may be a Service of the cluster: its host is the Service's DNS name, and it must have the port.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{
    dereference::{Absent, Context, dereference},
    material::Sealed,
    validate::validate,
};
use support::{
    domain, find, inventory, relay,
    tenants::{cause, configured, grant},
};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: exchange, namespace: mail}\nspec: {ports: [{name: smtp, port: 25}, {name: other, port: 2525}]}\n";

fn hop(hop: &str) -> String {
    domain("a", "example.com", "").replace("{host: mail.internal.example.com}", hop)
}

fn fault(hop_text: &str, service: &str, other: &str) -> String {
    let inventory = inventory(&[&relay("edge", 25), &hop(hop_text), service, other]);
    cause(&find(&inventory), "mail", "a")
}

const NOTHING: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nothing, namespace: mail}\n";

#[test]
fn its_host_is_its_name_in_the_clusters_domain_with_the_hops_own_port() {
    let inventory = inventory(&[&relay("edge", 25), &hop("{serviceRef: {name: exchange}, port: 2525, weight: 3}"), SERVICE]);
    let findings = find(&inventory);
    let hops = configured(&findings, "example.com").unwrap().next_hops().next().unwrap();
    assert_eq!((hops.hops[0].host.as_str(), hops.hops[0].port, hops.hops[0].weight), ("exchange.mail.svc.cluster.local", 2525, 3));

    let context = Context {
        inventory: &inventory,
        now: jiff::Timestamp::now(),
        absent: Absent::Missing,
        cluster_domain: "corp.internal",
        cluster_cidrs: &[],
    };
    let relay = inventory.relays.values().next().unwrap();
    let findings = validate(dereference(relay, context), |_| Ok(Sealed::Closed));
    let hops = configured(&findings, "example.com").unwrap().next_hops().next().unwrap();
    assert_eq!(hops.hops[0].host, "exchange.mail.svc.corp.internal");
}

#[test]
fn a_service_that_is_missing_or_lacks_the_port_is_told() {
    let expected = "spec.nextHops[0].serviceRef: Service mail/other: is not there; create it, or change the reference";
    assert_eq!(fault("{serviceRef: {name: other}}", SERVICE, NOTHING), expected);
    let expected =
        "spec.nextHops[0].serviceRef: Service mail/exchange: has no port 587 (it has 25, 2525); change `port`, or add it to the Service";
    assert_eq!(fault("{serviceRef: {name: exchange}, port: 587}", SERVICE, NOTHING), expected);
    assert_eq!(fault("{serviceRef: {name: exchange}}", SERVICE, NOTHING), "", "25 is the default");
}

#[test]
fn one_of_another_namespace_needs_its_consent() {
    let service = SERVICE.replace("namespace: mail", "namespace: servers");
    let reference = "{serviceRef: {name: exchange, namespace: servers}}";
    assert!(fault(reference, &service, NOTHING).contains("may not be referred to"));
    assert_eq!(fault(reference, &service, &grant("servers", "AcceptedDomain", "mail", "kind: Service")), "");
}

#[test]
fn one_that_stands_for_a_name_elsewhere_needs_no_ports() {
    let alias = "apiVersion: v1\nkind: Service\nmetadata: {name: exchange, namespace: mail}\nspec: {type: ExternalName, externalName: mail.corp.example.com}\n";
    assert_eq!(fault("{serviceRef: {name: exchange}}", alias, NOTHING), "");
}
