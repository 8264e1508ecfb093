//! Prints the objects of relays, for review and for `GitOps`: those that the cluster controller applies, but for what is in Secrets.

mod absent;

use std::{collections::BTreeMap, path::PathBuf};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;

use crate::{
    build::{BuildError, Objects, Settings, build},
    dereference::{Absent, Context, dereference},
    inventory::Key,
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
    let context = Context { inventory: &reading.inventory, now, absent: Absent::Elsewhere };
    for relay in reading.inventory.relays.values() {
        // Keys are made when the objects are applied, and a printed one would be no secret.
        let findings = validate(dereference(relay, context), |_| Ok(Sealed::Closed));
        let key = Key::of(&relay.metadata);
        rendered.findings.extend(reasons_of(&key, &findings).into_iter().map(|(object, text)| format!("{object}: {text}")));
        if let Ok(validated) = &findings.relay {
            match build(validated, settings) {
                Ok(objects) => rendered.yaml.push_str(&yaml(&objects)?),
                Err(error @ BuildError::TooLarge { .. }) => rendered.findings.push(format!("SmtpRelay {key}: {error}")),
            }
        }
    }
    Ok(rendered)
}

/// Says of an object why it is printed without data.
const LATER: &str = "# The data is not printed: it is copied, or made, when this object is applied.\n";

fn yaml(objects: &Objects) -> Result<String, RenderError> {
    let mut text = String::new();
    for secret in &objects.secrets {
        document(&mut text, LATER, &without_data(secret))?;
    }
    for config_map in &objects.config_maps {
        let is_empty = config_map.data.as_ref().is_none_or(BTreeMap::is_empty);
        document(&mut text, if is_empty { LATER } else { "" }, config_map)?;
    }
    document(&mut text, "", &objects.service_account)?;
    document(&mut text, "", &objects.network_policy)?;
    for service in &objects.services {
        document(&mut text, "", service)?;
    }
    document(&mut text, "", &objects.disruption_budget)?;
    document(&mut text, "", &objects.deployment)?;
    Ok(text)
}

fn without_data(secret: &Secret) -> Secret {
    Secret { data: None, string_data: None, ..secret.clone() }
}

/// What an object is comes first for the reader, and what it holds last.
const FIELDS: [&str; 7] = ["apiVersion", "kind", "metadata", "spec", "type", "automountServiceAccountToken", "data"];

fn document<T: Serialize>(text: &mut String, comment: &str, object: &T) -> Result<(), RenderError> {
    let fields = serde_json::to_value(object)?;
    text.push_str("---\n");
    text.push_str(comment);
    for field in FIELDS {
        if let Some(value) = fields.get(field) {
            text.push_str(&serde_saphyr::to_string(&BTreeMap::from([(field, value)]))?);
        }
    }
    Ok(())
}
