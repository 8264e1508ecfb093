//! The engine that keeps the queue in a directory: a log of segments, and a file for the content of each large message.
//!
//! One process has the directory; one thread writes the log ([`log`]). Everything else reads: what is durable is found through the index
//! ([`index`]), and read from files that never change but at their end.

mod blocking;
mod body;
mod body_file;
mod claim;
mod format;
mod index;
mod load;
mod log;
mod names;
mod quarantine;
mod read;
mod recover;
mod scan;
mod store;
mod writer;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

pub use body::LocalBody;
pub use claim::LocalClaim;
use log::{Amendment, Change, Requests};
pub use quarantine::SetAside;
pub use recover::Recovery;
use store::Store;
pub use writer::LocalWriter;

use crate::{
    Entry, Filter, Listed, MessageId, OpenError, Page, Reach, Spool, SpoolError, Statistics,
    directory::Directory,
    time::{millis, millis_after},
};

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes that the spool may take; beyond it new messages are refused with [`SpoolError::Full`].
    /// [`Disk::default_quota`](crate::directory::Disk::default_quota) gives what is usual.
    pub quota_bytes: u64,
    /// Bytes after which a segment of the log is complete, at most 1 GiB. Each segment keeps a file open.
    pub segment_bytes: u64,
}

/// The most that a segment may take, in bytes.
const MAX_SEGMENT_BYTES: u64 = 1 << 30;

impl Settings {
    /// The settings for this quota: segments of 64 MiB, larger on large volumes, so that there are never more than some 500.
    #[must_use]
    pub fn for_quota(quota_bytes: u64) -> Self {
        Self { quota_bytes, segment_bytes: (quota_bytes / 512).clamp(64 << 20, MAX_SEGMENT_BYTES) }
    }
}

/// The spool in a directory.
#[derive(Clone, Debug)]
pub struct Local {
    store: Arc<Store>,
    requests: Requests,
}

impl Local {
    /// Opens the spool in `directory`, which is made if it is empty, and tells what was found there.
    pub async fn open(directory: Arc<dyn Directory>, settings: Settings) -> Result<(Self, Recovery), OpenError> {
        blocking::run(move || Self::open_now(directory, settings)).await
    }

    fn open_now(directory: Arc<dyn Directory>, settings: Settings) -> Result<(Self, Recovery), OpenError> {
        let lock = directory.lock()?.ok_or(OpenError::InUse)?;
        let opened = recover::open(directory, &settings)?;
        let recovery = opened.recovery.clone();
        let (store, requests) = log::start(opened, settings.segment_bytes.min(MAX_SEGMENT_BYTES), lock)?;
        Ok((Self { store, requests }, recovery))
    }

    async fn amend(&self, id: MessageId, amendment: Amendment) -> Result<(), SpoolError> {
        self.requests.make(id, Change::Amend(amendment)).await
    }
}

impl Spool for Local {
    type Writer = LocalWriter;
    type Claim = LocalClaim;
    type Body = LocalBody;

    async fn begin(&self, entry: Entry) -> Result<LocalWriter, SpoolError> {
        if self.requests.is_closed() {
            return Err(SpoolError::Closed);
        }
        if self.store.index().get(entry.id()).is_some() {
            return Err(SpoolError::Exists(entry.id()));
        }
        self.store.usage.check(0)?;
        Ok(LocalWriter::new(self.store.clone(), self.requests.clone(), entry))
    }

    async fn claim(&self, reach: Reach, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<LocalClaim>, SpoolError> {
        if self.requests.is_closed() {
            return Err(SpoolError::Closed);
        }
        let until = millis_after(now, lease);
        let granted = self.store.change(|index| match reach {
            Reach::Due => index.claim_due(millis(now), until, limit),
            Reach::All => index.claim_any(millis(now), until, limit),
        });
        // Should this future be dropped from here on, the leases end with these.
        let leases = granted.into_iter().map(|(id, lease)| claim::Held::new(self.store.clone(), id, lease)).collect();
        claim::load(&self.store, &self.requests, leases).await
    }

    fn next_due(&self) -> watch::Receiver<Option<Timestamp>> {
        self.store.next_due()
    }

    async fn get(&self, id: MessageId) -> Result<Listed, SpoolError> {
        Ok(load::one(&self.store, &self.requests, id).await?.listed)
    }

    async fn body(&self, id: MessageId) -> Result<LocalBody, SpoolError> {
        let loaded = load::one(&self.store, &self.requests, id).await?;
        body::open(&self.store, &self.requests, id, loaded.checksums).await
    }

    async fn list(&self, filter: &Filter, after: Option<MessageId>, limit: usize) -> Result<Page, SpoolError> {
        load::page(&self.store, &self.requests, filter, after, limit).await
    }

    async fn hold(&self, id: MessageId) -> Result<(), SpoolError> {
        self.amend(id, Amendment { held: Some(true), ..Amendment::default() }).await
    }

    async fn resume(&self, id: MessageId) -> Result<(), SpoolError> {
        self.amend(id, Amendment { held: Some(false), ..Amendment::default() }).await
    }

    async fn reschedule(&self, id: MessageId, due: Timestamp) -> Result<(), SpoolError> {
        self.amend(id, Amendment { due: Some(millis(due)), ..Amendment::default() }).await
    }

    async fn remove(&self, id: MessageId) -> Result<(), SpoolError> {
        self.requests.make(id, Change::Remove(None)).await
    }

    async fn statistics(&self) -> Result<Statistics, SpoolError> {
        Ok(self.store.statistics())
    }

    async fn close(&self) {
        self.requests.close().await;
    }
}
