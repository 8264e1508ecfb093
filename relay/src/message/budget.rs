//! A number of bytes that all messages share.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::metrics::gauge::Gauge;

/// A metric that counts bytes.
pub(super) type ByteGauge = Gauge<u64, AtomicU64>;

/// A number of bytes that all messages share, taken and given back without a lock. The gauges that operators see are the counters
/// themselves, so that the two can't differ.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    held: ByteGauge,
    limit: ByteGauge,
}

/// Bytes taken out of a [`Budget`], given back on drop.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(held: ByteGauge, limit: ByteGauge) -> Self {
        Self { held, limit }
    }

    /// Sets the limit. What is held already stays held; nothing more is granted until it fits.
    pub(super) fn set_limit(&self, bytes: u64) {
        self.limit.set(bytes);
    }

    /// Bytes that may be held at once.
    pub(super) fn limit(&self) -> u64 {
        self.limit.get()
    }

    /// Bytes that could be granted at this moment.
    pub(super) fn free(&self) -> u64 {
        self.limit().saturating_sub(self.held.get())
    }

    /// Takes `bytes`, provided that `spare` bytes are still free afterwards.
    pub(super) fn take(&self, bytes: u64, spare: u64) -> Option<Permit> {
        self.charge(bytes, spare).then(|| Permit { budget: self.clone(), bytes })
    }

    fn charge(&self, bytes: u64, spare: u64) -> bool {
        let ceiling = self.limit().saturating_sub(spare);
        let raise = |held: u64| held.checked_add(bytes).filter(|raised| *raised <= ceiling);
        // Relaxed: the number guards no other memory, and a read-modify-write always sees the latest value.
        self.held.inner().fetch_update(Relaxed, Relaxed, raise).is_ok()
    }
}

impl Permit {
    /// Takes `bytes` more, provided that `spare` bytes are still free afterwards.
    pub(super) fn grow(&mut self, bytes: u64, spare: u64) -> bool {
        let granted = self.budget.charge(bytes, spare);
        if granted {
            self.bytes += bytes;
        }
        granted
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.held.inner().fetch_sub(self.bytes, Relaxed);
    }
}
