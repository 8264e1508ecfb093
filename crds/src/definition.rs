//! The `CustomResourceDefinition`s, as they are printed, applied and checked against.

use std::sync::LazyLock;

use kube::{CustomResourceExt, Resource};
use serde_json::{Map, Value};

use crate::{AcceptedDomain, SmtpRelay};

/// A kind of the API.
#[derive(Debug)]
pub struct Definition {
    /// The kind, `SmtpRelay`.
    pub kind: &'static str,
    /// The plural that stands in paths, `smtprelays`.
    pub plural: String,
    /// The `CustomResourceDefinition`.
    pub resource: Value,
}

static DEFINITIONS: LazyLock<[Definition; 2]> =
    LazyLock::new(|| [define::<SmtpRelay>("SmtpRelay"), define::<AcceptedDomain>("AcceptedDomain")]);

/// Every kind of the API.
#[must_use]
pub fn definitions() -> &'static [Definition] {
    &*DEFINITIONS
}

impl Definition {
    /// Name of the file under `crds/yaml`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_{}.yaml", crate::GROUP, self.plural)
    }

    /// The definition as YAML, with a line that says where it comes from.
    pub fn yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        let text = serde_saphyr::to_string(&self.resource)?;
        Ok(format!("# Generated from the types in crds/src. Do not edit: change the types, then run `make crds`.\n---\n{text}"))
    }

    /// The schema of an object of the kind, in the subset of `OpenAPI` v3 that Kubernetes calls structural.
    #[must_use]
    pub fn schema(&self) -> &Value {
        &self.resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }
}

/// Every kind as YAML in one stream, for `kubectl apply -f -`.
pub fn yaml() -> Result<String, serde_saphyr::ser::Error> {
    definitions().iter().map(Definition::yaml).collect()
}

fn define<K: CustomResourceExt + Resource<DynamicType = ()>>(kind: &'static str) -> Definition {
    // The derived definition holds maps with string keys and finite numbers only, so it always has a JSON form.
    let mut resource = serde_json::to_value(K::crd()).unwrap_or_default();
    let schema = &mut resource["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    tidy(schema);
    if let Some(root) = schema.as_object_mut() {
        root.shift_remove("title");
    }
    Definition { kind, plural: K::plural(&()).into_owned(), resource }
}

/// Takes out what the derivation leaves and nobody wants: floats for whole bounds, `nullable` on what may be left out, hard line breaks.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.shift_remove("nullable");
            unwrap_description(map);
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *value = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    format!("{:.0}", number.as_f64().filter(|float| float.fract() == 0.0)?).parse().ok()
}

/// Lines of a paragraph become one; paragraphs stay.
fn unwrap_description(map: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = map.get_mut("description") {
        let paragraphs: Vec<String> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}
