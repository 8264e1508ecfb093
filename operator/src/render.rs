//! Prints the objects of relays, for review and for `GitOps`: those that the cluster controller applies, but for what is in Secrets.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use jiff::Timestamp;
use k8s_openapi::{Resource, api::core::v1::Secret, serde::Serialize};

use crate::{
    build::{BuildError, Objects, Settings, build},
    dereference::{AbsentSecrets, Context, dereference},
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
    /// Objects of kinds that the operator does not read, as `FILE: KIND NAMESPACE/NAME`.
    pub ignored: Vec<String>,
}

/// Why nothing can be printed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The paths can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An object can't be written.
    #[error("an object can't be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// Builds the objects of every relay in `paths`. `now` decides which certificates have expired; nothing else depends on it.
pub fn render(paths: Vec<PathBuf>, settings: &Settings, now: Timestamp) -> Result<Rendered, RenderError> {
    let reading = Folder::new(paths).read()?;
    let mut rendered = Rendered {
        problems: reading.problems,
        ignored: reading.ignored.into_iter().map(|(file, object)| format!("{file}: {object}")).collect(),
        ..Rendered::default()
    };
    // Nobody keeps keys beside manifests, so a Secret that is not here is in the cluster.
    let context = Context { inventory: &reading.inventory, now, absent_secrets: AbsentSecrets::Elsewhere };
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

fn yaml(objects: &Objects) -> Result<String, serde_saphyr::ser::Error> {
    let mut text = String::new();
    for secret in &objects.secrets {
        text.push_str("# The data of this Secret is not printed: it is copied, or made, when the object is applied.\n");
        document(&mut text, &without_data(secret))?;
    }
    for config_map in &objects.config_maps {
        document(&mut text, config_map)?;
    }
    document(&mut text, &objects.service_account)?;
    document(&mut text, &objects.network_policy)?;
    for service in &objects.services {
        document(&mut text, service)?;
    }
    document(&mut text, &objects.disruption_budget)?;
    document(&mut text, &objects.deployment)?;
    Ok(text)
}

fn without_data(secret: &Secret) -> Secret {
    Secret { data: None, string_data: None, ..secret.clone() }
}

fn document<T: Resource + Serialize>(text: &mut String, object: &T) -> Result<(), serde_saphyr::ser::Error> {
    // Keys in alphabetical order within an object; what it is comes first for the reader.
    let fields: BTreeMap<String, serde_json::Value> =
        serde_json::to_value(object).ok().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let _ = write!(text, "---\napiVersion: {}\nkind: {}\n", T::API_VERSION, T::KIND);
    for field in ["metadata", "spec", "type", "data", "automountServiceAccountToken"] {
        if let Some(value) = fields.get(field) {
            text.push_str(&serde_saphyr::to_string(&BTreeMap::from([(field, value)]))?);
        }
    }
    Ok(())
}
