//! Whether a manifest is one of our resources, and what would mend it when it is not.
//!
//! The answer is that of the API server: bounds, enums and patterns of the schema, keys of lists, CEL rules, and unknown fields as with
//! `kubectl --validate=strict`. The words are for the person who wrote the manifest.

mod advice;
mod duplicates;
mod kind;
mod nulls;
mod path;
mod rules;
mod shape;
mod unknown;

use std::fmt;

use kube::core::cel::apply_defaults;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{AcceptedDomain, SmtpRelay};
use kind::Kind;

/// A resource of the API, with its defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A relay.
    SmtpRelay(Box<SmtpRelay>),
    /// A domain.
    AcceptedDomain(Box<AcceptedDomain>),
}

/// What is wrong with a field, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldError {
    /// The field's path in the manifest: `spec.listeners[0].port`.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that begins with the field.
    pub problem: String,
    /// What mends it.
    pub mend: String,
}

impl FieldError {
    /// What is wrong with `field`, and what mends it.
    pub fn new(field: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), mend: mend.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.problem, self.mend)
    }
}

impl std::error::Error for FieldError {}

/// Checks a manifest as the API server would when it is created. All that is wrong is returned at once, sorted by field.
pub fn check(manifest: &Value) -> Result<Resource, Vec<FieldError>> {
    Kind::of(manifest).map_err(|error| vec![error])?.check(manifest, None)
}

/// Checks a manifest as the API server would when it replaces `old`, an earlier version of the same object: some fields can't be changed.
pub fn check_change(old: &Value, manifest: &Value) -> Result<Resource, Vec<FieldError>> {
    Kind::of(manifest).map_err(|error| vec![error])?.check(manifest, Some(old))
}

impl Kind {
    fn check(&self, manifest: &Value, old: Option<&Value>) -> Result<Resource, Vec<FieldError>> {
        let manifest = apply_defaults(self.schema(), &nulls::drop(self.schema(), manifest));
        let mut errors = unknown::fields(self.schema(), &manifest);
        errors.extend(shape::errors(self, &manifest));
        errors.extend(duplicates::errors(self.schema(), &manifest));
        let broken = rules::errors(self, &manifest, old, &errors);
        errors.extend(broken);
        if errors.is_empty() {
            return self.resource(manifest);
        }
        errors.sort();
        Err(errors)
    }

    fn resource(&self, manifest: Value) -> Result<Resource, Vec<FieldError>> {
        match self {
            Self::SmtpRelay(_) => typed(manifest).map(Resource::SmtpRelay),
            Self::AcceptedDomain(_) => typed(manifest).map(Resource::AcceptedDomain),
        }
    }
}

/// What the schema takes, the types take; should they ever differ, the manifest is refused.
fn typed<T: DeserializeOwned>(manifest: Value) -> Result<Box<T>, Vec<FieldError>> {
    serde_json::from_value(manifest)
        .map(Box::new)
        .map_err(|error| vec![FieldError::new("spec", error.to_string(), "compare it with docs/api.md")])
}
