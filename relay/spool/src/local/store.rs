//! What all parts of the engine share.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    index::{Index, Place},
    quarantine::Quarantine,
};
use crate::{
    MessageId, SpoolError, Statistics,
    directory::{Directory, File},
    time::timestamp,
};

/// What all parts of the engine share.
#[derive(Debug)]
pub(super) struct Store {
    index: Mutex<Index>,
    due: watch::Sender<Option<Timestamp>>,
    pub(super) bodies: Arc<dyn Directory>,
    pub(super) quarantine: Quarantine,
    pub(super) usage: Usage,
    pub(super) changes: AtomicU64,
    pub(super) syncs: AtomicU64,
}

/// Bytes on the disk.
#[derive(Debug)]
pub(super) struct Usage {
    used: AtomicU64,
    quota: u64,
}

impl Store {
    pub(super) fn new(index: Index, bodies: Arc<dyn Directory>, quarantine: Quarantine, usage: Usage) -> Self {
        let due = watch::Sender::new(index.next_due().map(timestamp));
        let counter = || AtomicU64::new(0);
        Self { index: Mutex::new(index), due, bodies, quarantine, usage, changes: counter(), syncs: counter() }
    }

    /// The index, to look at.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        // Who panicked while he held the lock has panicked between whole changes: they don't call what can panic.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the index, and tells those who sleep until something is due.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        let mut index = self.index();
        let result = change(&mut index);
        let next = index.next_due().map(timestamp);
        self.due.send_if_modified(|current| std::mem::replace(current, next) != next);
        result
    }

    pub(super) fn next_due(&self) -> watch::Receiver<Option<Timestamp>> {
        self.due.subscribe()
    }

    /// The file and the tag of the segment in which `place` is.
    pub(super) fn segment_of(&self, id: MessageId, place: Place) -> Result<(Arc<dyn File>, [u8; 8]), SpoolError> {
        let index = self.index();
        let segment = index.segments.get(place.segment()).ok_or(SpoolError::NotFound(id))?;
        Ok((segment.file.clone(), segment.tag))
    }

    pub(super) fn statistics(&self) -> Statistics {
        let index = self.index();
        let totals = index.totals();
        Statistics {
            messages: index.len() as u64,
            held: totals.held,
            claimed: index.claimed() as u64,
            unreadable: totals.unreadable,
            oldest: index.after(None).next().and_then(|(id, _)| id.made_at()),
            body_bytes: totals.body_bytes,
            used_bytes: self.usage.used(),
            quota_bytes: self.usage.quota,
            set_aside: self.quarantine.count(),
            changes: self.changes.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
        }
    }
}

/// The counters guard no other memory, so all is relaxed.
impl Usage {
    pub(super) fn new(used: u64, quota: u64) -> Self {
        Self { used: AtomicU64::new(used), quota }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Counts bytes that are needed, whatever the quota says.
    pub(super) fn add(&self, bytes: u64) {
        self.used.fetch_add(bytes, Relaxed);
    }

    /// Counts bytes that are free again.
    pub(super) fn sub(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Relaxed);
    }

    /// [`SpoolError::Full`] when `bytes` more would be over the quota.
    pub(super) fn check(&self, bytes: u64) -> Result<(), SpoolError> {
        if self.used().saturating_add(bytes) > self.quota {
            return Err(SpoolError::Full(std::io::Error::new(std::io::ErrorKind::QuotaExceeded, "its quota is reached")));
        }
        Ok(())
    }

    /// Whether less than an eighth of the quota is left.
    pub(super) fn is_scarce(&self) -> bool {
        self.used() > self.quota / 8 * 7
    }
}
