//! How many bytes the queue takes, as far as this relay knows: what the others do is heard of now and then.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::failure::over_quota;
use crate::SpoolError;

/// What a message takes beside its content: rows, indexes, envelope. An estimate, on the safe side.
const BESIDE: u64 = 2048;

/// How many bytes the queue takes. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    used: Arc<AtomicU64>,
    quota: u64,
}

impl Usage {
    pub(super) fn new(quota: Option<u64>) -> Self {
        Self { used: Arc::default(), quota: quota.unwrap_or(u64::MAX) }
    }

    pub(super) fn quota(&self) -> u64 {
        self.quota
    }

    /// Takes what was counted in the database, and gives what it comes to.
    pub(super) fn count(&self, messages: u64, body_bytes: u64) -> u64 {
        let used = body_bytes + messages * BESIDE;
        self.used.store(used, Relaxed);
        used
    }

    pub(super) fn add(&self, body_bytes: u64) {
        self.used.fetch_add(body_bytes + BESIDE, Relaxed);
    }

    pub(super) fn remove(&self, body_bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(body_bytes + BESIDE));
        // It is always `Some`.
        let _ = self.used.fetch_update(Relaxed, Relaxed, less);
    }

    /// [`SpoolError::Full`] when a message with so much content is over the quota.
    pub(super) fn check(&self, body_bytes: u64) -> Result<(), SpoolError> {
        if self.used.load(Relaxed).saturating_add(body_bytes + BESIDE) > self.quota { Err(over_quota()) } else { Ok(()) }
    }
}
