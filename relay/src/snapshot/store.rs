//! The snapshot in use, and why the last other one is not.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::Snapshot;

/// The snapshot in use, for all who need it. Before the first one there is none: nothing is listening then.
#[derive(Default)]
pub struct Store {
    in_use: ArcSwapOption<InUse>,
    refusal: ArcSwapOption<Refusal>,
    replaced: Notify,
}

/// A snapshot that is in use.
pub struct InUse {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Since when.
    pub since: Timestamp,
}

/// What the folder holds was refused, so the snapshot in use stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When it was refused first.
    pub at: Timestamp,
    /// SHA-256 of `relay.json`. None when there is none to be read, and when the rest of the set may still be on its way: then it is not refused.
    pub hash: Option<String>,
    /// One line for each thing that is wrong; never empty.
    pub reasons: Vec<String>,
}

impl Store {
    /// The snapshot in use now. A session takes it once per transaction, so that a new one counts from the next MAIL on.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.in_use.load().as_ref().map(|in_use| Arc::clone(&in_use.snapshot))
    }

    /// The snapshot in use, and since when.
    #[must_use]
    pub fn in_use(&self) -> Option<Arc<InUse>> {
        self.in_use.load_full()
    }

    /// What `part` gives of the first snapshot that has it, from the one in use on.
    pub async fn first_of<T>(&self, part: impl Fn(&Snapshot) -> Option<T>) -> T {
        loop {
            // Before the look: what is replaced in between wakes it.
            let replaced = self.replaced.notified();
            match self.snapshot().and_then(|snapshot| part(&snapshot)) {
                Some(found) => return found,
                None => replaced.await,
            }
        }
    }

    /// Why what the folder holds is not in use; `None` when it is.
    #[must_use]
    pub fn refusal(&self) -> Option<Arc<Refusal>> {
        self.refusal.load_full()
    }

    /// Takes a snapshot into use; whoever calls it has proven it.
    pub fn replace(&self, snapshot: Arc<Snapshot>) {
        self.in_use.store(Some(Arc::new(InUse { snapshot, since: Timestamp::now() })));
        self.accept();
        self.replaced.notify_waiters();
    }

    /// Notes that the folder holds what is in use.
    pub fn accept(&self) {
        self.refusal.store(None);
    }

    /// Notes why what the folder holds is not used. False when that is known already.
    pub fn refuse(&self, hash: Option<String>, reasons: Vec<String>) -> bool {
        let known = self.refusal.load().as_ref().is_some_and(|last| last.hash == hash && last.reasons == reasons);
        if !known {
            self.refusal.store(Some(Arc::new(Refusal { at: Timestamp::now(), hash, reasons })));
        }
        !known
    }
}
