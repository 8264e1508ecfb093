//! Memory of the budget for a message that is held elsewhere.

use super::{HoldError, budget::Permit, buffer::BLOCK_BYTES, store::Shared};

/// Memory of the budget, given back on drop: for a message that the queue takes in, which holds a block of it at most.
#[derive(Debug)]
pub struct Share {
    _permit: Permit,
}

impl Share {
    /// For a message of `declared` bytes.
    pub(super) fn take(shared: &Shared, declared: Option<u64>) -> Result<Self, HoldError> {
        let most = BLOCK_BYTES as u64;
        let bytes = declared.map_or(most, |size| size.min(most));
        shared.memory.take(bytes, 0).map(|permit| Self { _permit: permit }).ok_or(HoldError::MemorySpent)
    }
}
