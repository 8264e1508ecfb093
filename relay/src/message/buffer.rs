//! The one buffer of a message.

use super::budget::{Budget, Permit};

/// Most memory that one message takes, and the size of the blocks in which it goes to scratch and comes back: 64 KiB.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// Room for a message of unknown size: most messages are shorter and never need a second allocation.
const FIRST_BYTES: usize = 16 * 1024;

/// Room for any message while memory is short.
const LEAST_BYTES: usize = 4 * 1024;

/// Room for the trace field that the relay puts before the size that the client declared.
const TRACE_BYTES: u64 = 1024;

/// Bytes of a message in memory that was granted to it.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    memory: Budget,
    permit: Permit,
}

impl Buffer {
    /// A buffer for a message of `declared` bytes. `None` when not even the least is left.
    pub(super) fn new(memory: &Budget, declared: Option<u64>) -> Option<Self> {
        let wanted = declared.map_or(FIRST_BYTES, |size| block_for(size.saturating_add(TRACE_BYTES)));
        let (size, permit) = match memory.take(wanted as u64, reserve(memory)) {
            Some(permit) => (wanted, permit),
            None => (LEAST_BYTES, memory.take(LEAST_BYTES as u64, 0)?),
        };
        Some(Self { bytes: Vec::with_capacity(size), memory: memory.clone(), permit })
    }

    /// Takes in as much of `piece` as there is or can be room for, and gives back the rest.
    pub(super) fn fill<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        if piece.len() > self.room() {
            self.grow();
        }
        let (taken, rest) = piece.split_at(piece.len().min(self.room()));
        self.bytes.extend_from_slice(taken);
        rest
    }

    /// Grows to a whole block if memory allows.
    pub(super) fn grow(&mut self) {
        let missing = BLOCK_BYTES.saturating_sub(self.bytes.capacity());
        if missing > 0 && self.permit.grow(missing as u64, reserve(&self.memory)) {
            self.bytes.reserve_exact(BLOCK_BYTES - self.bytes.len());
        }
    }

    /// The bytes themselves, to be emptied and filled within their capacity.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }
}

/// What buffers above the least leave free: a quarter of all memory, so that a new message finds room for the least.
fn reserve(memory: &Budget) -> u64 {
    memory.limit() / 4
}

fn block_for(bytes: u64) -> usize {
    usize::try_from(bytes).map_or(BLOCK_BYTES, |bytes| bytes.clamp(LEAST_BYTES, BLOCK_BYTES))
}
