//! Why a reconcile failed.

use super::keyring::KeyringError;
use crate::{
    apply::{Failure, Fault},
    build::BuildError,
    cluster::WriteError,
};

/// Why a reconcile failed. It is tried again, later and later.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The operator's own keys are out of reach.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An object can't be made.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// An object can't be written as JSON.
    #[error("an object can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// An object of the relay was not written.
    #[error(transparent)]
    Apply(#[from] Failure),
    /// Objects of others have names that the relay needs.
    #[error("{0}")]
    Collision(String),
    /// A status was not written.
    #[error("the status can't be written: {0}")]
    Status(#[from] WriteError),
}

impl ReconcileError {
    /// For metrics: one of a fixed set of words.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Keyring(error) => error.reason(),
            Self::Build(_) => "TooLarge",
            Self::Json(_) => "Json",
            Self::Apply(failure) => failure.fault.reason(),
            Self::Collision(_) => "NameCollision",
            Self::Status(error) => status_reason(error),
        }
    }
}

fn status_reason(error: &WriteError) -> &'static str {
    match error {
        WriteError::NotLeading => Fault::NotLeading.reason(),
        WriteError::TimedOut => Fault::TimedOut.reason(),
        WriteError::Api(kube::Error::Api(status)) if status.code == 409 => Fault::Conflict.reason(),
        WriteError::Api(_) => "Status",
    }
}
