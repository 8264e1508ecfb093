//! Opens the queue as soon as a configuration says where it lies.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use postern_config::{Spool, Storage};
use postern_spool::{Local, OpenError, Recovery, Settings, directory::Disk};
use tokio::time::sleep;

use super::Engine;
use crate::snapshot::Store;

/// How long to wait after the first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What it takes to open the queue.
pub struct Opening {
    /// The configuration in use.
    pub store: Arc<Store>,
    /// The folder for a queue on a disk of the pod's own.
    pub directory: PathBuf,
}

/// Why the queue can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The volume can't be read.
    #[error("{}: {source}", directory.display())]
    Volume {
        /// The folder.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The engine refuses.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The storage is of a kind that this build does not know.
    #[error("the shared queue is not built in")]
    Unknown,
}

impl Opening {
    /// Waits until a configuration names a storage, and opens it, however often that takes. Until then listeners answer 451.
    pub async fn run(self) -> (Engine, Spool) {
        let rules = self.store.first_of(|snapshot| snapshot.configuration.root.spool.clone()).await;
        let mut wait = FIRST_WAIT;
        loop {
            match self.open(&rules).await {
                Ok(engine) => return (engine, rules),
                Err(error) => tracing::error!(%error, retry = wait.as_secs(), "the queue can't be opened"),
            }
            sleep(wait).await;
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    async fn open(&self, spool: &Spool) -> Result<Engine, StorageError> {
        match &spool.storage {
            Storage::Directory { quota_bytes, .. } => self.open_local(*quota_bytes).await,
            Storage::Postgres { .. } => Err(StorageError::Unknown),
        }
    }

    async fn open_local(&self, quota_bytes: Option<u64>) -> Result<Engine, StorageError> {
        let volume = |source| StorageError::Volume { directory: self.directory.clone(), source };
        let directory = Disk::open(&self.directory).map_err(volume)?;
        let quota = match quota_bytes {
            Some(bytes) => bytes,
            None => Disk::default_quota(&self.directory).map_err(volume)?,
        };
        let (engine, Recovery { messages, .. }) = Local::open(directory, Settings::for_quota(quota)).await?;
        tracing::info!(directory = %self.directory.display(), quota, messages, "queue open");
        Ok(engine)
    }
}
