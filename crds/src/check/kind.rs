//! Which of our kinds a manifest is, and what checks that kind.

use std::sync::LazyLock;

use jsonschema::Validator;
use kube::core::cel::{CompiledSchema, compile_schema};
use serde_json::{Value, json};

use super::{FieldError, advice};
use crate::{GROUP, VERSION, definition::definitions, schema::form};

/// A kind, with its schema in the forms that it is checked by.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// `SmtpRelay`
    SmtpRelay(&'static Schema),
    /// `AcceptedDomain`
    AcceptedDomain(&'static Schema),
}

/// A kind's schema.
pub(super) struct Schema {
    /// The schema of a whole manifest: that of the definition, and what Kubernetes itself asks of every object.
    manifest: Value,
    shape: Validator,
    rules: CompiledSchema,
}

static SMTP_RELAY: LazyLock<Option<Schema>> = LazyLock::new(|| Schema::of("SmtpRelay"));
static ACCEPTED_DOMAIN: LazyLock<Option<Schema>> = LazyLock::new(|| Schema::of("AcceptedDomain"));

impl Kind {
    /// The kind that the manifest says it is.
    pub(super) fn of(manifest: &Value) -> Result<Self, FieldError> {
        let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default();
        let version = format!("{GROUP}/{VERSION}");
        if text("apiVersion") != version {
            let problem = advice::not_known(text("apiVersion"), "an API of Postern");
            return Err(FieldError::new("apiVersion", problem, format!("write `{version}`")));
        }
        let kind = match text("kind") {
            "SmtpRelay" => SMTP_RELAY.as_ref().map(Self::SmtpRelay),
            "AcceptedDomain" => ACCEPTED_DOMAIN.as_ref().map(Self::AcceptedDomain),
            _ => None,
        };
        kind.ok_or_else(|| {
            let kinds: Vec<&str> = definitions().iter().map(|definition| definition.kind).collect();
            let problem = advice::not_known(text("kind"), "a kind of Postern");
            FieldError::new("kind", problem, advice::one_of(text("kind"), &kinds))
        })
    }

    /// The schema of a whole manifest.
    pub(super) fn schema(&self) -> &'static Value {
        &self.parts().manifest
    }

    /// Bounds, enums and patterns.
    pub(super) fn shape(&self) -> &'static Validator {
        &self.parts().shape
    }

    /// CEL rules.
    pub(super) fn rules(&self) -> &'static CompiledSchema {
        &self.parts().rules
    }

    fn parts(&self) -> &'static Schema {
        match self {
            Self::SmtpRelay(schema) | Self::AcceptedDomain(schema) => schema,
        }
    }
}

impl Schema {
    fn of(kind: &str) -> Option<Self> {
        let definition = definitions().iter().find(|definition| definition.kind == kind)?;
        let mut manifest = definition.schema().clone();
        let properties = manifest["properties"].as_object_mut()?;
        properties.insert("apiVersion".to_owned(), json!({ "type": "string" }));
        properties.insert("kind".to_owned(), json!({ "type": "string" }));
        properties.insert("metadata".to_owned(), metadata());
        manifest["required"].as_array_mut()?.push("metadata".into());
        name_types(&mut manifest);
        let shape = jsonschema::validator_for(&manifest).ok()?;
        let rules = compile_schema(&manifest);
        Some(Self { manifest, shape, rules })
    }
}

/// Says in JSON Schema what `x-kubernetes-int-or-string` says to the API server.
fn name_types(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("x-kubernetes-int-or-string") {
                map.insert("type".to_owned(), json!(["integer", "string"]));
            }
            map.values_mut().for_each(name_types);
        }
        Value::Array(items) => items.iter_mut().for_each(name_types),
        _ => {}
    }
}

/// What Kubernetes asks of every object. What only the API server sets is let through as it is.
fn metadata() -> Value {
    let mut name = form::OBJECT_NAME.schema();
    name.insert("description".to_owned(), "The name of the object, unique in its namespace.".into());
    let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
    let mut metadata = json!({
        "type": "object",
        "description": "The object's name, namespace and labels.",
        "required": ["name"],
        "properties": {
            "name": name,
            "namespace": form::DNS_LABEL.schema(),
            "labels": { "type": "object", "additionalProperties": form::LABEL_VALUE.schema() },
            "annotations": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    });
    for field in [
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "finalizers",
        "generateName",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    ] {
        metadata["properties"][field] = anything.clone();
    }
    metadata
}
