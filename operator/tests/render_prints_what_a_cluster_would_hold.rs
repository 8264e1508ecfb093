//! `render` prints every object of a relay, the same bytes on every run, and never a key.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use support::{
    Manifests, domain, issued, operator, render, secret,
    tenants::{gate, namespace, tenant},
};

fn whole() -> support::Rendered {
    render(&[Path::new("tests/manifests/whole")])
}

#[test]
fn every_object_of_a_relay_that_uses_what_can_be_used() {
    let rendered = whole();
    insta::assert_snapshot!(rendered.objects);
    assert_eq!(rendered.code, 0, "{}", rendered.said);
}

#[test]
fn the_quick_start_renders_whole() {
    let rendered = render(&[Path::new("../deploy/quickstart")]);
    insta::assert_snapshot!(rendered.objects);
    assert_eq!(rendered.code, 0, "{}", rendered.said);
}

#[test]
fn the_same_manifests_give_the_same_bytes_wherever_they_stand() {
    let once = whole();
    let (relay, domains) = (Path::new("tests/manifests/whole/relay.yaml"), Path::new("tests/manifests/whole/domains.yaml"));
    assert_eq!(once.objects, whole().objects);
    assert_eq!(once.objects, render(&[relay, domains]).objects);
    assert_eq!(once.objects, render(&[domains, relay]).objects);
}

#[test]
fn what_is_not_beside_the_manifests_is_taken_to_be_in_the_cluster_and_said() {
    let said = whole().said;
    for object in ["Secret mail/mx-tls", "Secret mail/gate-client", "Secret mail/partner-ca", "ConfigMap mail/corp-ca"] {
        assert!(said.contains(&format!("the {object} is not here")), "{object}: {said}");
    }
}

#[test]
fn a_key_that_stands_beside_the_manifests_is_checked_and_not_printed() {
    let (pair, authority) = issued(Timestamp::now());
    let manifests = Manifests::new();
    let named = "  tls: {certificate: {secretRef: {name: mx-tls}}}\n";
    manifests.put("relay.yaml", &format!("{}{named}", support::relay("edge", 25)));
    manifests.put("tls.yaml", &secret("mx-tls", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]));
    manifests.put("client.yaml", &secret("client", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]));
    // A key that strayed into a bundle of CA certificates.
    let strayed = format!("{}{}", authority.bundle().as_str(), pair.key().reveal());
    manifests.put("ca.yaml", &secret("ca", &[("ca.crt", &strayed)]));
    let tls = "  tls: {clientCertificateRef: {name: client}, caCertificateRefs: [{kind: Secret, name: ca}]}\n";
    manifests.put("domain.yaml", &domain("a", "example.com", tls));

    let rendered = manifests.render();
    assert_eq!(rendered.code, 0, "{}", rendered.said);
    assert!(rendered.object("Secret", "edge-tls").is_some());
    let key = pair.key().reveal();
    let body = key.lines().nth(1).unwrap();
    for secret in ["PRIVATE KEY".to_owned(), body.to_owned(), STANDARD.encode(key)[..64].to_owned(), STANDARD.encode(body)[..32].to_owned()]
    {
        assert!(!rendered.objects.contains(&secret) && !rendered.said.contains(&secret), "a key is printed");
    }

    // Checked all the same: another key does not pass.
    let (other, _) = issued(Timestamp::now());
    manifests.put("tls.yaml", &secret("mx-tls", &[("tls.crt", pair.chain()), ("tls.key", other.key().reveal())]));
    let rendered = manifests.render();
    assert_eq!((rendered.code, rendered.objects.as_str()), (3, ""));
    assert!(rendered.said.contains("spec.tls.certificate.secretRef: Secret mail/mx-tls: `tls.key` does not belong"), "{}", rendered.said);
}

#[test]
fn an_object_of_no_cluster_has_no_owner() {
    let rendered = Manifests::new().render();
    assert!(!rendered.objects.contains("ownerReferences"));
    assert!(whole().objects.contains("uid: 6f9a3c2e-1d4b-4f7a-9c55-0b6f0f2a7d11"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_postern-operator"))
        .args(["render", "tests/manifests/whole"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let rendered = render(&[Path::new("no/such/folder")]);
    assert_eq!(rendered.code, 1);
    assert!(rendered.said.contains("no/such/folder"), "{}", rendered.said);
}

#[test]
fn what_another_namespace_holds_is_taken_to_be_in_the_cluster() {
    let manifests = Manifests::empty();
    let selector = "[{namespaces: {from: Selector, selector: {matchLabels: {mail: tenant}}}, domains: [example.com]}]";
    manifests.put("relay.yaml", &gate(selector));
    let hops = "{serviceRef: {name: exchange, namespace: servers}, port: 2525}";
    manifests.put("domain.yaml", &tenant("blue", "a", "example.com", "").replace("{host: mail.internal.example.com}", hops));
    let rendered = manifests.render();
    assert_eq!(rendered.code, 0, "{}", rendered.said);
    assert!(rendered.objects.contains("exchange.servers.svc.cluster.local"));
    for note in ["what the Namespace blue is labelled with is not here", "the Service servers/exchange is not here"] {
        assert!(rendered.said.contains(note), "{}", rendered.said);
    }
    // What is here counts.
    manifests.put("namespace.yaml", &namespace("blue", "mail", "guest"));
    let rendered = manifests.render();
    assert_eq!(rendered.code, 3);
    assert!(rendered.said.contains("takes no domain of namespace blue"), "{}", rendered.said);
}

#[test]
fn the_domain_of_the_cluster_can_be_named() {
    let manifests = Manifests::new();
    manifests
        .put("domain.yaml", &domain("a", "example.com", "").replace("{host: mail.internal.example.com}", "{serviceRef: {name: exchange}}"));
    let output = operator().arg("render").arg(manifests.path()).args(["--cluster-domain", "corp.internal"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("exchange.mail.svc.corp.internal"));
}
