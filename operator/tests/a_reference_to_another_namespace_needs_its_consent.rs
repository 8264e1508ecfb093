//! A reference to an object of another namespace counts while a `ReferenceGrant` there permits it, and not a moment longer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use jiff::Timestamp;
use postern_operator::{
    dereference::{Fault, ReferenceProblem},
    validate::{Blocker, Cause, DomainState},
};
use support::{
    config_map, domain, find, inventory, issued, relay, secret,
    tenants::{cause, grant, is_kept_waiting, state},
};

const CA: &str = "  tls: {caCertificateRefs: [{name: ca, namespace: certs}]}\n";

fn ca() -> String {
    let bundle = issued(Timestamp::now()).1.bundle();
    config_map("ca", &[("ca.crt", bundle.as_str())]).replace("namespace: mail", "namespace: certs")
}

/// What is said of a domain that refers to `certs/ca` given a consent.
fn fault(consent: &str) -> String {
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", CA), &ca(), consent]);
    cause(&find(&inventory), "mail", "a")
}

#[test]
fn without_consent_the_reference_fails_and_says_which_consent_is_needed() {
    let nothing = config_map("nothing", &[("a", "b")]);
    let expected = "spec.tls.caCertificateRefs[0]: ConfigMap certs/ca: may not be referred to; create a ReferenceGrant in its namespace, from group postern.dev, kind AcceptedDomain, namespace mail, to its kind and name";
    assert_eq!(fault(&nothing), expected);
}

#[test]
fn consent_is_to_a_kind_of_a_namespace_and_for_a_kind_and_a_name() {
    assert_eq!(fault(&grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap")), "");
    assert_eq!(fault(&grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap, name: ca")), "");
    for other in [
        grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap, name: other"),
        grant("certs", "AcceptedDomain", "mail", "kind: Secret"),
        grant("certs", "AcceptedDomain", "blue", "kind: ConfigMap"),
        grant("certs", "SmtpRelay", "mail", "kind: ConfigMap"),
        grant("mail", "AcceptedDomain", "mail", "kind: ConfigMap"),
        grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap").replace("postern.dev", "gateway.networking.k8s.io"),
        grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap").replace("group: ''", "group: apps"),
    ] {
        assert!(fault(&other).contains("may not be referred to"), "{other}");
    }
}

#[test]
fn a_consent_that_is_gone_keeps_the_mail_waiting() {
    let consent = grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap");
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", CA), &ca(), &consent]);
    assert_eq!(*state(&find(&inventory), "mail", "a"), DomainState::Served);
    inventory.grants.clear();
    let findings = find(&inventory);
    assert!(is_kept_waiting(&findings, "example.com"));
    let DomainState::Detached { cause: Cause::References(problems), .. } = state(&findings, "mail", "a") else { panic!("not detached") };
    assert!(matches!(&problems[..], [ReferenceProblem { fault: Fault::NotPermitted { .. }, .. }]));
}

#[test]
fn a_relay_needs_consent_to_a_certificate_of_another_namespace() {
    let pair = issued(Timestamp::now()).0;
    let pair =
        secret("mx-tls", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]).replace("namespace: mail", "namespace: certs");
    let relay = format!("{}  tls: {{certificate: {{secretRef: {{name: mx-tls, namespace: certs}}}}}}\n", relay("edge", 25));
    let refused = inventory(&[&relay, &pair]);
    let findings = find(&refused);
    let Err(blockers) = &findings.relay else { panic!("the certificate was taken without consent") };
    let [Blocker::Certificate(problem)] = &blockers[..] else { panic!("{blockers:?}") };
    assert!(problem.to_string().contains("kind SmtpRelay, namespace mail"), "{problem}");
    let granted = inventory(&[&relay, &pair, &grant("certs", "SmtpRelay", "mail", "kind: Secret, name: mx-tls")]);
    assert!(find(&granted).relay.is_ok());
}

#[test]
fn objects_of_one_name_in_two_namespaces_are_two_files() {
    let both = "  tls: {caCertificateRefs: [{name: ca}, {name: ca, namespace: certs}]}\n";
    let own = config_map("ca", &[("ca.crt", issued(Timestamp::now()).1.bundle().as_str())]);
    let consent = grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap");
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", both), &own, &ca(), &consent]);
    let findings = find(&inventory);
    let trust = &findings.relay.as_ref().unwrap().trust;
    assert_eq!(trust.len(), 2);
    let bundles: Vec<_> = trust.values().map(|bundle| bundle.open().unwrap()).collect();
    assert_ne!(bundles[0], bundles[1]);
}
