//! Besides relays and domains, a folder of manifests gives what they lean on: namespaces, Services and consents to references.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{
    inventory::{Key, NAMESPACE_NAME_LABEL, Readable, Scope},
    manifest::Folder,
};
use support::{Manifests, inventory, relay};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: tenant, labels: {team: blue}}\n";

#[test]
fn namespaces_have_their_labels_and_each_that_is_used_has_its_name() {
    let inventory = inventory(&[NAMESPACE, &relay("edge", 25)]);
    assert_eq!(inventory.namespaces["tenant"]["team"], "blue");
    assert_eq!(inventory.namespaces["tenant"][NAMESPACE_NAME_LABEL], "tenant");
    assert_eq!(inventory.namespaces["mail"], [(NAMESPACE_NAME_LABEL.to_owned(), "mail".to_owned())].into());
    assert_eq!(inventory.scope, Scope { namespaces: Readable::All, secrets: Readable::All });
}

#[test]
fn services_and_grants_are_read() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: exchange, namespace: mail}\nspec: {ports: [{name: smtp, port: 25}]}\n";
    let grant = "apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: mx, namespace: certs}
spec:
  from: [{group: postern.dev, kind: SmtpRelay, namespace: mail}]
  to: [{group: '', kind: Secret, name: mx-tls}, {group: '', kind: ConfigMap}]
";
    let inventory = inventory(&[service, grant]);
    let ports = inventory.services[&Key::new("mail", "exchange")].spec.as_ref().unwrap().ports.as_ref().unwrap();
    assert_eq!(ports[0].port, 25);
    let grant = &inventory.grants[&Key::new("certs", "mx")].spec;
    assert_eq!((grant.from[0].kind.as_str(), grant.from[0].namespace.as_str()), ("SmtpRelay", "mail"));
    assert_eq!((grant.to[0].name.as_deref(), grant.to[1].name.as_deref()), (Some("mx-tls"), None));
}

#[test]
fn a_wrong_namespace_is_named_without_a_namespace_of_its_own() {
    let manifests = Manifests::empty();
    manifests.put("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: tenant, labels: 1}\n");
    let reading = Folder::new(vec![manifests.path().to_owned()]).read().unwrap();
    assert_eq!(reading.problems[0].resource.as_deref(), Some("Namespace tenant"));
}

#[test]
fn a_status_that_stands_in_a_file_counts_for_nothing() {
    let shown = format!(
        "{}status: {{relays: [{{relayRef: {{name: other, namespace: mail}}, detachedSince: '2026-11-24T12:00:00Z'}}]}}\n",
        support::domain("a", "example.com", "")
    );
    let inventory = inventory(&[&shown, &format!("{}status: {{replicas: 3}}\n", relay("edge", 25))]);
    assert_eq!(inventory.domains.values().next().unwrap().status, None);
    assert_eq!(inventory.relays.values().next().unwrap().status, None);
}
