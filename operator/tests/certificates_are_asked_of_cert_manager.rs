//! A relay that names an issuer of cert-manager gets a `Certificate` that cert-manager's own schema accepts.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{
    build::certificate,
    inventory::{Inventory, Key},
    kind::Kind,
    references,
};
use serde_json::{Value, json};
use support::{Manifests, domain, find, inventory, relay};

const ISSUER: &str = "  tls: {certificate: {issuerRef: {name: letsencrypt, kind: ClusterIssuer}}}\n";

fn with_issuer() -> Inventory {
    inventory(&[&format!("{}{ISSUER}", relay("edge", 25)), &domain("a", "example.com", "")])
}

fn asked(inventory: &Inventory) -> Value {
    certificate(&inventory.relays[&Key::new("mail", "edge")]).unwrap().unwrap().value
}

/// The API's definition, and its schema: the API drops fields that it does not name, so here they are an error.
fn definition() -> (Value, Value) {
    let mut definition: Value = serde_json::from_str(include_str!("schemas/cert-manager.io_certificates.json")).unwrap();
    let mut schema = definition["schema"].take();
    close(&mut schema);
    schema["properties"]["metadata"].as_object_mut().unwrap().remove("additionalProperties");
    (definition, schema)
}

fn close(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.get("type") == Some(&"object".into()) && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".to_owned(), false.into());
    }
    fields.values_mut().for_each(|value| match value {
        Value::Array(items) => items.iter_mut().for_each(close),
        value => close(value),
    });
}

fn faults(object: &Value) -> Vec<String> {
    let (_, schema) = definition();
    jsonschema::validator_for(&schema).unwrap().iter_errors(object).map(|error| error.to_string()).collect()
}

#[test]
fn cert_manager_s_schema_accepts_it() {
    let object = asked(&with_issuer());
    assert_eq!(faults(&object), [""; 0]);
    let (definition, _) = definition();
    let resource = Kind::Certificate.api_resource();
    assert_eq!(definition["apiVersion"], resource.api_version);
    assert_eq!((&definition["kind"], &definition["plural"]), (&resource.kind.into(), &resource.plural.into()));
    assert_eq!(definition["scope"], "Namespaced");
}

#[test]
fn a_field_that_cert_manager_does_not_know_would_be_seen() {
    for (path, value) in [("/spec/hostname", json!("x")), ("/spec/privateKey/kind", json!("x")), ("/spec/usages/0", json!("mail"))] {
        let mut object = asked(&with_issuer());
        let (parent, last) = path.rsplit_once('/').unwrap();
        match object.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[0] = value,
            fields => fields[last] = value,
        }
        assert_eq!(faults(&object).len(), 1, "{path}");
    }
}

#[test]
fn it_is_for_the_hostname_and_lands_where_the_relay_looks() {
    let inventory = with_issuer();
    let relay = &inventory.relays[&Key::new("mail", "edge")];
    let object = asked(&inventory);
    let spec = &object["spec"];
    assert_eq!(spec["dnsNames"], json!(["mx1.example.com"]));
    assert_eq!(spec["issuerRef"], json!({ "group": "cert-manager.io", "kind": "ClusterIssuer", "name": "letsencrypt" }));
    let looked_at: Vec<_> = references::of_relay(relay).into_iter().map(|(_, key)| key).collect();
    assert_eq!(looked_at, [Key::new("mail", spec["secretName"].as_str().unwrap())]);
}

#[test]
fn it_is_there_before_the_certificate_and_the_rest_is_not() {
    let inventory = with_issuer();
    assert!(find(&inventory).relay.is_err(), "nothing is built without a certificate");
    assert_eq!(asked(&inventory)["metadata"]["labels"]["postern.dev/relay"], "edge");
}

#[test]
fn without_an_issuer_nothing_is_asked() {
    let inventory = inventory(&[&relay("edge", 25)]);
    assert_eq!(certificate(&inventory.relays[&Key::new("mail", "edge")]).unwrap(), None);
}

#[test]
fn render_prints_it_first() {
    let manifests = Manifests::empty();
    manifests.put("relay.yaml", &format!("{}{ISSUER}", relay("edge", 25)));
    let rendered = manifests.render();
    assert_eq!(rendered.code, 0, "{}", rendered.said);
    assert!(rendered.objects.starts_with("---\napiVersion: cert-manager.io/v1\nkind: Certificate\n"), "{}", rendered.objects);
    assert!(rendered.object("Secret", "edge-tls").is_some() && rendered.object("ConfigMap", "edge-ca").is_none());
}
