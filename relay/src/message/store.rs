//! Where messages are held.

use std::{io, path::Path, sync::Arc};

use postern_config::Limits;

use super::{
    HoldError, Metrics, Share, Writer,
    budget::Budget,
    buffer::{BLOCK_BYTES, Buffer},
    held::Held,
    scratch::Scratch,
};

/// What all messages of the pod may take together, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Memory.
    pub memory_bytes: u64,
    /// Room on the scratch volume.
    pub scratch_bytes: u64,
}

impl From<&Limits> for Budgets {
    fn from(limits: &Limits) -> Self {
        Self { memory_bytes: limits.memory_bytes, scratch_bytes: limits.scratch_bytes }
    }
}

/// Holds the messages of the pod. Clones share the same budgets.
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

/// What every message has in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) memory: Budget,
    pub(super) scratch: Scratch,
    pub(super) metrics: Metrics,
}

impl Store {
    /// Opens a store on `directory`, which must be there and be writable. Files that lie in it are left alone.
    pub fn open(directory: &Path, budgets: Budgets, metrics: Metrics) -> io::Result<Self> {
        let memory = Budget::new(metrics.memory_held.clone(), metrics.memory_limit.clone());
        let space = Budget::new(metrics.scratch_held.clone(), metrics.scratch_limit.clone());
        memory.set_limit(budgets.memory_bytes);
        space.set_limit(budgets.scratch_bytes);
        Ok(Self(Arc::new(Shared { memory, scratch: Scratch::open(directory, space)?, metrics })))
    }

    /// Sets the budgets. Messages that are held already stay, even where they no longer fit.
    pub fn set_budgets(&self, budgets: Budgets) {
        self.0.memory.set_limit(budgets.memory_bytes);
        self.0.scratch.set_limit(budgets.scratch_bytes);
    }

    /// Takes memory for a message that something else holds. `declared` is as for [`Store::writer`].
    pub fn share(&self, declared: Option<u64>) -> Result<Share, HoldError> {
        Share::take(&self.0, declared).inspect_err(|error| self.0.metrics.refused(error))
    }

    /// Begins a message. `declared` is its size as the client gave it in MAIL FROM (RFC 1870), if it did; it need not be true.
    ///
    /// This is the moment to refuse: what can't be held is answered at DATA, before the client sends it.
    pub fn writer(&self, declared: Option<u64>) -> Result<Writer, HoldError> {
        let begun = self.0.begin(declared);
        begun.map(|buffer| Writer::new(Held::new(Arc::clone(&self.0), buffer))).inspect_err(|error| self.0.metrics.refused(error))
    }
}

impl Shared {
    fn begin(&self, declared: Option<u64>) -> Result<Buffer, HoldError> {
        let on_scratch = declared.filter(|size| *size > BLOCK_BYTES as u64);
        if on_scratch.is_some_and(|size| size > self.scratch.free()) {
            return Err(HoldError::ScratchSpent);
        }
        Buffer::new(&self.memory, declared).ok_or(HoldError::MemorySpent)
    }
}
