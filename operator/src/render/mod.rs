//! Prints the objects of relays, for review and for `GitOps`: those that the cluster controller applies, but for what is in Secrets.

mod absent;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    build::{DESIRED, Object, Objects, Settings, build},
    dereference::{Absent, Context, dereference},
    inventory::Key,
    kind::Kind,
    manifest::{Folder, Problem, SourceError},
    material::Sealed,
    status::reasons_of,
    validate::validate,
};

/// What was printed, and what could not be.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The objects as YAML documents.
    pub yaml: String,
    /// Manifests that are wrong.
    pub problems: Vec<Problem>,
    /// Relays and domains that can't be served as they stand, and why.
    pub findings: Vec<String>,
    /// What is not read, and what is taken to be in the cluster.
    pub notes: Vec<String>,
}

/// Why nothing can be printed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The paths can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An object has no JSON form.
    #[error("an object can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// An object has no YAML form.
    #[error("an object can't be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Builds the objects of every relay in `paths`. `now` decides which certificates have expired; nothing else depends on it.
pub fn render(paths: Vec<PathBuf>, settings: &Settings, now: Timestamp) -> Result<Rendered, RenderError> {
    let reading = Folder::new(paths).read()?;
    let mut rendered = Rendered {
        problems: reading.problems,
        notes: reading.ignored.into_iter().map(|(file, object)| format!("{file}: {object} is of a kind that is not read")).collect(),
        ..Rendered::default()
    };
    rendered.notes.extend(absent::notes(&reading.inventory));
    let context = Context {
        inventory: &reading.inventory,
        now,
        absent: Absent::Elsewhere,
        cluster_domain: &settings.cluster_domain,
        cluster_cidrs: &[],
    };
    for relay in reading.inventory.relays.values() {
        // Keys are made when the objects are applied, and a printed one would be no secret.
        let findings = validate(dereference(relay, context), |_| Ok(Sealed::Closed));
        let key = Key::of(&relay.metadata);
        rendered.findings.extend(reasons_of(&key, &findings).into_iter().map(|(object, text)| format!("{object}: {text}")));
        if let Ok(validated) = &findings.relay {
            match build(validated, &Sealed::Closed, settings) {
                Ok(objects) => rendered.yaml.push_str(&yaml(&objects)?),
                Err(error) => rendered.findings.push(format!("SmtpRelay {key}: {error}")),
            }
        }
    }
    Ok(rendered)
}

fn yaml(objects: &Objects) -> Result<String, RenderError> {
    let mut text = String::new();
    for mut object in objects.in_order()? {
        let withheld = withhold(&mut object, objects);
        let comment = if withheld.is_empty() {
            String::new()
        } else {
            format!("# Not printed: {}; copied, or made, when this object is applied.\n", withheld.join(", "))
        };
        document(&mut text, &comment, &object.value)?;
    }
    Ok(text)
}

/// Takes out what may not be printed, and then the annotation that would tell of another object than the cluster's. The names of the entries
/// that are missing.
fn withhold(object: &mut Object, objects: &Objects) -> Vec<String> {
    let mut withheld: BTreeSet<_> = objects.withheld.get(&(object.kind, object.key.name.clone())).into_iter().flatten().cloned().collect();
    let Some(fields) = object.value.as_object_mut() else { return Vec::new() };
    if object.kind == Kind::Secret
        && let Some(Value::Object(data)) = fields.remove("data")
    {
        withheld.extend(data.into_iter().map(|(name, _)| name));
    }
    if let Some(metadata) = fields.get_mut("metadata").filter(|_| !withheld.is_empty()).and_then(Value::as_object_mut) {
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(DESIRED);
        }
        metadata.retain(|_, value| value.as_object().is_none_or(|entries| !entries.is_empty()));
    }
    withheld.into_iter().collect()
}

/// What an object is comes first for the reader, and what it holds last.
const FIELDS: [&str; 7] = ["apiVersion", "kind", "metadata", "spec", "type", "automountServiceAccountToken", "data"];

fn document(text: &mut String, comment: &str, json: &Value) -> Result<(), RenderError> {
    text.push_str("---\n");
    text.push_str(comment);
    for field in FIELDS {
        if let Some(value) = json.get(field) {
            text.push_str(&serde_saphyr::to_string(&BTreeMap::from([(field, value)]))?);
        }
    }
    Ok(())
}
