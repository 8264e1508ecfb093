//! What the tests of the API share: manifests that are right, patches on them, vectors, and a walk through the schema.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test may end so")]

pub(crate) mod vector;

use std::{env, fs, path::Path};

use postern_crds::{Definition, definitions};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The definition of a kind.
pub(crate) fn definition(kind: &str) -> &'static Definition {
    definitions().iter().find(|definition| definition.kind == kind).expect("a kind of the API")
}

/// The least that is a manifest of the kind.
pub(crate) fn minimal(kind: &str) -> Value {
    let (name, spec) = match kind {
        "SmtpRelay" => ("edge", json!({ "hostname": "mx1.example.com", "listeners": [{ "name": "mx", "role": "Inbound", "port": 25 }] })),
        "AcceptedDomain" => (
            "example-com",
            json!({
                "relayRefs": [{ "name": "edge" }],
                "domain": "example.com",
                "type": "Authoritative",
                "nextHops": [{ "host": "mail.example.com" }],
            }),
        ),
        other => panic!("{other} is not a kind of the API"),
    };
    json!({ "apiVersion": "postern.dev/v1alpha1", "kind": kind, "metadata": { "name": name, "namespace": "mail" }, "spec": spec })
}

/// The minimal manifest with `patch` merged into it: fields are replaced one by one, lists as a whole.
pub(crate) fn patched(kind: &str, patch: &Value) -> Value {
    let mut manifest = minimal(kind);
    merge(&mut manifest, patch);
    manifest
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                // A field that a vector wants gone.
                if value == "(absent)" {
                    target.remove(name);
                } else {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// Vectors from the file `name`.
pub(crate) fn vectors<T: DeserializeOwned>(name: &str) -> T {
    // The tests of another crate look at them too.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/tests/vectors").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Calls `visit` with the path and the schema of every place of a kind's schema: `spec.listeners[].port`.
pub(crate) fn walk(definition: &Definition, mut visit: impl FnMut(&str, &Value)) {
    descend("", definition.schema(), &mut visit);
}

fn descend(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        descend(&path, child, visit);
    }
    if let Some(items) = schema.get("items") {
        descend(&format!("{path}[]"), items, visit);
    }
    if let Some(values) = schema.get("additionalProperties") {
        descend(&format!("{path}{{}}"), values, visit);
    }
}

/// Every CEL rule of a kind: where it stands, and the rule.
pub(crate) fn rules(definition: &Definition) -> Vec<(String, Value)> {
    let mut rules = Vec::new();
    walk(definition, |path, schema| {
        rules.extend(schema["x-kubernetes-validations"].as_array().into_iter().flatten().map(|rule| (path.to_owned(), rule.clone())));
    });
    rules
}

/// Fails unless the file `name` of the repository holds `generated`. With `POSTERN_WRITE` set it is written first: that is `make crds`.
pub(crate) fn compare(name: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    if env::var_os("POSTERN_WRITE").is_some() {
        fs::write(&file, generated).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == generated, "{name} is not what the types generate; run `make crds` and commit the result");
}
