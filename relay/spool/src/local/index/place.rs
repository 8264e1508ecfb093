//! Where a record lies.

use std::num::NonZeroU32;

/// Where a record lies. Small, since there may be two for each message of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Place {
    segment: NonZeroU32,
    pub(in crate::local) offset: u32,
    pub(in crate::local) len: u32,
}

impl Place {
    /// `len` bytes at `offset` of a segment; `None` for what no segment holds.
    pub(in crate::local) fn new(segment: u32, offset: u64, len: u64) -> Option<Self> {
        Some(Self { segment: NonZeroU32::new(segment)?, offset: u32::try_from(offset).ok()?, len: u32::try_from(len).ok()? })
    }

    /// The number of the segment, 1 or more.
    pub(in crate::local) fn segment(self) -> u32 {
        self.segment.get()
    }

    /// Where the record ends.
    pub(in crate::local) fn end(self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }
}
