//! What the operator may not read is told as such, with the value of the chart that lets it read: nobody is sent to create what is there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use jiff::Timestamp;
use postern_operator::{
    inventory::{Inventory, Readable},
    status::Applied,
    validate::Blocker,
};
use support::{
    config_map, domain, find, inventory, issued, relay, secret,
    statuses::{condition, none, noon, of_domain, of_relay, settle},
    tenants::{cause, grant, is_kept_waiting},
};

fn only(namespaces: &[&str]) -> Readable {
    Readable::Only(namespaces.iter().map(|&namespace| namespace.to_owned()).collect())
}

fn pair(name: &str, namespace: &str) -> String {
    let pair = issued(Timestamp::now()).0;
    let text = secret(name, &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]);
    text.replace("namespace: mail", &format!("namespace: {namespace}"))
}

#[test]
fn a_secret_of_a_namespace_that_is_not_read() {
    let client = domain("a", "example.com", "  tls: {clientCertificateRef: {name: client, namespace: certs}}\n");
    let consent = grant("certs", "AcceptedDomain", "mail", "kind: Secret");
    let mut inventory = inventory(&[&relay("edge", 25), &client, &consent, &pair("client", "certs")]);
    inventory.scope.secrets = only(&["mail"]);
    let expected = "spec.tls.clientCertificateRef: Secret certs/client: can't be read: the operator may not read Secrets of namespace certs; add it to the chart's value `secretNamespaces`";
    let findings = find(&inventory);
    assert_eq!(cause(&findings, "mail", "a"), expected);
    assert!(is_kept_waiting(&findings, "example.com"));
    settle(&mut inventory, none, &Applied::default(), noon());
    assert_eq!(condition(&of_domain(&inventory, "mail", "a").conditions, "Ready").unwrap().1, "SecretsNotReadable");
}

#[test]
fn without_consent_nobody_is_told_what_could_be_read() {
    let client = domain("a", "example.com", "  tls: {clientCertificateRef: {name: client, namespace: certs}}\n");
    let mut inventory = inventory(&[&relay("edge", 25), &client]);
    inventory.scope.secrets = only(&["mail"]);
    assert!(cause(&find(&inventory), "mail", "a").contains("may not be referred to"));
}

#[test]
fn a_relay_where_no_secrets_may_be_kept() {
    let with_certificate = format!("{}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n", relay("edge", 25));
    for relay in [relay("edge", 25), with_certificate] {
        let mut inventory = inventory(&[&relay, &pair("mx-tls", "mail")]);
        inventory.scope.secrets = only(&["elsewhere"]);
        let findings = find(&inventory);
        let Err(blockers) = &findings.relay else { panic!("its pods could have no certificate") };
        assert!(matches!(&blockers[..], [Blocker::Keyless(namespace)] if namespace == "mail"));
        settle(&mut inventory, none, &Applied::default(), noon());
        let (ready, reason, message) = condition(&of_relay(&inventory).conditions, "Ready").unwrap();
        assert_eq!((ready, reason), ("False", "SecretsNotReadable"));
        assert!(message.contains("namespace mail") && message.contains("`secretNamespaces`"), "{message}");
        assert_eq!(condition(&of_relay(&inventory).conditions, "ResolvedRefs").unwrap().1, "SecretsNotReadable");
    }
}

#[test]
fn a_config_map_or_a_service_of_a_namespace_that_is_not_watched() {
    let mut inventory: Inventory = inventory(&[
        &relay("edge", 25),
        &domain("a", "example.com", "  tls: {caCertificateRefs: [{name: ca, namespace: certs}]}\n"),
        &domain("b", "example.org", "").replace("{host: mail.internal.example.com}", "{serviceRef: {name: exchange, namespace: certs}}"),
        &grant("certs", "AcceptedDomain", "mail", "kind: ConfigMap}, {group: '', kind: Service"),
        &config_map("ca", &[("ca.crt", "x")]).replace("namespace: mail", "namespace: certs"),
    ]);
    inventory.scope.namespaces = only(&["mail"]);
    let findings = find(&inventory);
    for name in ["a", "b"] {
        let cause = cause(&findings, "mail", name);
        assert!(cause.contains("the operator does not watch namespace certs; add it to the chart's value `watchNamespaces`"), "{cause}");
    }
}
