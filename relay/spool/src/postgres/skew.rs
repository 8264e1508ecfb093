//! The difference between the database's clock and that of whoever claims.
//!
//! When a message is due is said in the time of relays. Leases are said in the database's, so that a relay whose clock is wrong takes nothing
//! from another: it claims early or late, and no more.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use jiff::Timestamp;

use crate::time::millis;

/// The difference between the two clocks, as the last claim found it. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Skew(Arc<AtomicI64>);

impl Skew {
    /// It is `now` by the caller's clock while the database's shows `database`, in milliseconds.
    pub(super) fn measure(&self, now: Timestamp, database: i64) {
        self.0.store(database.saturating_sub(millis(now)), Relaxed);
    }

    /// Milliseconds by which the database's clock is ahead.
    pub(super) fn millis(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// The database's time when the caller's clock shows `time`.
    pub(super) fn in_database(&self, time: Timestamp) -> i64 {
        millis(time).saturating_add(self.millis())
    }
}
