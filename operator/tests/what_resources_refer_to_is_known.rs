//! What a relay and its domains refer to is known before it is there, so that a change of any of it is noticed.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{dereference::TargetKind, inventory::Key, references};
use support::{domain, inventory, relay};

#[test]
fn every_reference_of_a_domain_is_found_in_its_namespace_or_the_one_that_it_names() {
    let more = "  tls: {caCertificateRefs: [{name: a}, {kind: Secret, name: b, namespace: x}], clientCertificateRef: {name: c}}
  unknownRecipients: {nextHops: [{serviceRef: {name: d, namespace: servers}}], tls: {caCertificateRefs: [{name: e}], clientCertificateRef: {name: f, namespace: x}}}
  recipients: {validation: List, listRef: {name: g, namespace: z}}
";
    let domain = domain("d", "example.com", more)
        .replace("Authoritative", "InternalRelay")
        .replace("{host: mail.internal.example.com}", "{host: mail.internal.example.com}, {serviceRef: {name: h}}");
    let inventory = inventory(&[&domain]);
    let domain = inventory.domains.values().next().unwrap();
    let expected = [
        (TargetKind::ConfigMap, Key::new("mail", "a")),
        (TargetKind::ConfigMap, Key::new("mail", "e")),
        (TargetKind::ConfigMap, Key::new("z", "g")),
        (TargetKind::Secret, Key::new("mail", "c")),
        (TargetKind::Secret, Key::new("x", "b")),
        (TargetKind::Secret, Key::new("x", "f")),
        (TargetKind::Service, Key::new("mail", "h")),
        (TargetKind::Service, Key::new("servers", "d")),
    ];
    assert_eq!(references::of_domain(domain), expected.into());
}

#[test]
fn a_relays_certificate_is_found_whoever_makes_it() {
    let targets = |more: &str| {
        let inventory = inventory(&[&format!("{}{more}", relay("edge", 25))]);
        references::of_relay(inventory.relays.values().next().unwrap()).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(targets(""), []);
    let secret = |namespace: &str, name: &str| vec![(TargetKind::Secret, Key::new(namespace, name))];
    assert_eq!(targets("  tls: {certificate: {secretRef: {name: mx-tls, namespace: certs}}}\n"), secret("certs", "mx-tls"));
    assert_eq!(targets("  tls: {certificate: {issuerRef: {name: internal}}}\n"), secret("mail", "edge-certificate"));
}

#[test]
fn relays_are_found_across_namespaces() {
    let domain = domain("d", "example.com", "").replace("{name: edge}", "{name: edge}, {name: edge, namespace: gate}");
    let inventory = inventory(&[&domain]);
    let relays = references::relays_of(inventory.domains.values().next().unwrap());
    assert_eq!(relays, [Key::new("gate", "edge"), Key::new("mail", "edge")].into());
}
