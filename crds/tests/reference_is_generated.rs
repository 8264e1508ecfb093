//! `docs/api.md` tells of every field what the schema says.

mod common;

use std::fmt::Write as _;

use postern_crds::{Definition, definitions};
use serde_json::Value;

const HEAD: &str = "# API reference

`SmtpRelay` and `AcceptedDomain`, both `postern.dev/v1alpha1` and namespaced. Generated from the types in `crds/src` by `make crds`; a test
fails while this page and the types differ.

Every field works as it is described here: what the schema takes, the relay does. A manifest with an unknown field, a value out of bounds or
a broken rule is refused, with the field and what mends it. Conditions are those of Kubernetes: `type`, `status`, `reason` for programs,
`message` for people, `observedGeneration` and `lastTransitionTime`.

A reference without `namespace` is to the namespace of the resource that refers. One to another namespace counts only while a
`ReferenceGrant` (`gateway.networking.k8s.io/v1beta1`) there permits it: `from` names `group: postern.dev`, the kind and the namespace that
refer, `to` the kind and the name of the object. The Gateway API's `ReferenceGrant` must be installed for that.
";

#[test]
fn the_reference_is_what_the_schema_says() {
    let mut page = HEAD.to_owned();
    for definition in definitions() {
        kind(&mut page, definition);
    }
    common::compare("docs/api.md", &page);
}

fn kind(page: &mut String, definition: &Definition) {
    let names = &definition.resource["spec"]["names"];
    let short = names["shortNames"][0].as_str().unwrap_or_default();
    let _ = write!(page, "\n## {}\n\n{}\n", definition.kind, text(definition.schema(), "description"));
    let _ = write!(page, "\n`kubectl get {short}` lists them, `kubectl get postern` all resources of Postern.\n");
    common::walk(definition, |path, schema| object(page, definition, path, schema));
}

/// A section for each object of the schema that is more than a name.
fn object(page: &mut String, definition: &Definition, path: &str, schema: &Value) {
    let Some(fields) = schema["properties"].as_object().filter(|_| !is_name(schema) && !path.ends_with("conditions[]")) else { return };
    if !path.is_empty() {
        let _ = write!(page, "\n### {} {path}\n\n", definition.kind);
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in fields {
            let needed = if required.contains(&name.as_str()) { ", required" } else { "" };
            let description = text(field, "description").replace("\n\n", "\n\n  ");
            let _ = writeln!(page, "- **`{name}`** ({}{needed}): {description}", what(field));
        }
    }
    let refusals = refusals(schema);
    if !refusals.is_empty() {
        let _ = write!(page, "\nRefused, with what mends it:\n\n{refusals}");
    }
}

/// The rules of an object, and those of its fields that have no section of their own.
fn refusals(schema: &Value) -> String {
    let mut list = String::new();
    for message in messages(schema) {
        let _ = writeln!(list, "- {message}.");
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        for (about, schema) in [(name.clone(), field), (format!("{name}[]"), &field["items"])] {
            for message in messages(schema).filter(|_| schema["properties"].is_null()) {
                let _ = writeln!(list, "- `{about}`: {message}.");
            }
        }
    }
    list
}

fn messages(schema: &Value) -> impl Iterator<Item = &str> {
    schema["x-kubernetes-validations"].as_array().into_iter().flatten().map(|rule| text(rule, "message"))
}

fn what(schema: &Value) -> String {
    match schema["type"].as_str() {
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => format!("list of {}", what(&schema["items"])),
        Some("object") if schema.get("additionalProperties").is_some() => "texts by name".to_owned(),
        Some("object") if is_name(schema) => "`{name: …}`".to_owned(),
        Some("object") => "fields".to_owned(),
        Some("string") if schema["format"] == "date-time" => "time".to_owned(),
        Some("string") if schema.get("enum").is_some() => "choice".to_owned(),
        Some("string") => "text".to_owned(),
        _ => "amount".to_owned(),
    }
}

/// Whether an object is a reference by name alone.
fn is_name(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key("name"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
