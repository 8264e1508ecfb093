//! How much is in the queue.

use jiff::Timestamp;

/// How much is in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages in the queue.
    pub messages: u64,
    /// Of these, held.
    pub held: u64,
    /// Of these, claimed.
    pub claimed: u64,
    /// Of these, left alone because a newer version of the program wrote them.
    pub unreadable: u64,
    /// When the oldest of them got its name.
    pub oldest: Option<Timestamp>,
    /// Bytes of content.
    pub body_bytes: u64,
    /// Bytes that the spool takes on its storage, with what is not yet reclaimed and what was set aside.
    pub used_bytes: u64,
    /// Bytes that it may take.
    pub quota_bytes: u64,
    /// Corrupt records that were set aside since the start, those found at the start included.
    pub set_aside: u64,
    /// Commits, updates, finishes and other changes that were made durable since the start.
    pub changes: u64,
    /// Syncs that made them durable.
    pub syncs: u64,
}
