//! What the schema takes, the types take, whole: no field is lost, and both have the same defaults.

#![allow(clippy::expect_used, reason = "a test may end so")]

mod common;

use std::collections::BTreeSet;

use common::{definition, minimal, vectors, walk};
use postern_crds::{AcceptedDomain, Resource, SmtpRelay, check};
use serde_json::Value;

fn untyped(resource: Resource) -> Value {
    let value = match resource {
        Resource::SmtpRelay(relay) => serde_json::to_value(relay),
        Resource::AcceptedDomain(domain) => serde_json::to_value(domain),
    };
    value.expect("a resource has a JSON form")
}

/// Both kinds, with every field set; what can't stand together stands in two manifests.
fn full() -> [(&'static str, Vec<Value>); 2] {
    let relay: Value = vectors("full_relay.yaml");
    let mut other = relay.clone();
    let issuer = serde_json::json!({ "name": "internal", "kind": "ClusterIssuer", "group": "cert-manager.io" });
    other["spec"]["tls"]["certificate"] = serde_json::json!({ "issuerRef": issuer });
    other["spec"]["spool"]["storage"] = "EmptyDir".into();
    other["spec"]["spool"]["emptyDir"] = serde_json::json!({ "sizeLimit": "1Gi" });
    let mut third = other.clone();
    third["spec"]["spool"]["storage"] = "Postgres".into();
    third["spec"]["spool"]["postgres"] = serde_json::json!({ "connectionRef": { "name": "queue" }, "maxConnections": 20 });
    without(&mut other, "/spec/spool", "persistentVolume");
    without(&mut third, "/spec/spool", "persistentVolume");
    without(&mut third, "/spec/spool", "emptyDir");
    let domain: Value = vectors("full_domain.yaml");
    let mut external = domain.clone();
    external["spec"]["type"] = "ExternalRelay".into();
    external["spec"]["mx"] = serde_json::json!({});
    external["spec"]["tls"] = serde_json::json!({});
    external["spec"]["recipients"] = serde_json::json!({});
    without(&mut external, "/spec", "nextHops");
    without(&mut external, "/spec", "unknownRecipients");
    [("SmtpRelay", vec![relay, other, third]), ("AcceptedDomain", vec![domain, external])]
}

fn without(manifest: &mut Value, parent: &str, field: &str) {
    let fields = manifest.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent is there");
    fields.remove(field).expect("the field is there");
}

#[test]
fn a_manifest_with_every_field_comes_back_as_it_was() {
    for manifest in full().into_iter().flat_map(|(_, manifests)| manifests) {
        let resource = check(&manifest).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(untyped(resource), manifest);
    }
}

#[test]
fn that_manifest_does_set_every_field() {
    for (kind, manifests) in full() {
        let mut set = BTreeSet::new();
        for manifest in &manifests {
            collect("", manifest, &mut set);
        }
        walk(definition(kind), |path, _| {
            assert!(path.ends_with("{}") || set.contains(path), "{kind}: {path} is not set in the vector");
        });
    }
}

fn collect(path: &str, value: &Value, set: &mut BTreeSet<String>) {
    set.insert(path.to_owned());
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                collect(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, set);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(&format!("{path}[]"), item, set)),
        _ => {}
    }
}

/// The API server fills in the schema's defaults; a manifest that never met it gets those of the types.
#[test]
fn the_defaults_of_the_schema_are_those_of_the_types() {
    let relay: SmtpRelay = serde_json::from_value(minimal("SmtpRelay")).expect("the minimal relay is one");
    assert_eq!(check(&minimal("SmtpRelay")), Ok(Resource::SmtpRelay(Box::new(relay))));
    let domain: AcceptedDomain = serde_json::from_value(minimal("AcceptedDomain")).expect("the minimal domain is one");
    assert_eq!(check(&minimal("AcceptedDomain")), Ok(Resource::AcceptedDomain(Box::new(domain))));
}

/// `tls: {}` and no `tls` are the same, at every place that has a default.
#[test]
fn an_empty_object_has_the_defaults_of_one_that_is_left_out() {
    for kind in ["SmtpRelay", "AcceptedDomain"] {
        let expected = untyped(check(&minimal(kind)).expect("the minimal manifest is right"));
        walk(definition(kind), |path, schema| {
            let name = path.strip_prefix("spec.").filter(|name| !name.contains(['.', '[']));
            if let Some(name) = name
                && schema["type"] == "object"
                && schema.get("default").is_some()
            {
                let mut manifest = minimal(kind);
                manifest["spec"][name] = serde_json::json!({});
                assert_eq!(check(&manifest).map(untyped).as_ref(), Ok(&expected), "{path}");
            }
        });
    }
}

#[test]
fn a_field_without_a_value_is_one_that_is_left_out() {
    let mut manifest = minimal("SmtpRelay");
    manifest["spec"]["postmaster"] = Value::Null;
    manifest["spec"]["limits"] = Value::Null;
    manifest["spec"]["timeouts"] = serde_json::json!({ "clientDataSeconds": null });
    assert_eq!(check(&manifest), check(&minimal("SmtpRelay")));
}

#[test]
fn whole_numbers_are_amounts() {
    let mut manifest = minimal("SmtpRelay");
    manifest["spec"]["podTemplate"] = serde_json::json!({ "resources": { "limits": { "cpu": 2 } } });
    let Ok(Resource::SmtpRelay(relay)) = check(&manifest) else { panic!("{:?}", check(&manifest)) };
    let limits = relay.spec.pod_template.resources.and_then(|resources| resources.limits);
    assert_eq!(limits.and_then(|limits| limits.cpu).map(|cpu| cpu.0), Some("2".to_owned()));
}
