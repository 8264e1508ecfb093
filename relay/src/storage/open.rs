//! Opens the queue as soon as a configuration says where it lies.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use postern_config::{Database, DatabaseTls, Spool, Storage, material::database_file};
use postern_spool::{Local, OpenError, Postgres, Recovery, Settings, directory::Disk, postgres};
use tokio::time::sleep;

use super::Engine;
use crate::snapshot::{Snapshot, Store};

/// How long to wait after the first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What it takes to open the queue.
pub struct Opening {
    /// The configuration in use.
    pub store: Arc<Store>,
    /// Its folder.
    pub folder: PathBuf,
    /// The folder for a queue on a disk of the pod's own.
    pub directory: PathBuf,
}

/// Why the queue can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A folder or file can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of the database is not what it should be.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// The engine refuses.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Opening {
    /// Waits until a configuration names a storage, and opens it, however often that takes. Until then listeners answer 451.
    pub async fn run(self) -> (Engine, Spool) {
        let wanted = |snapshot: &Snapshot| {
            let root = &snapshot.configuration.root;
            root.spool.clone().map(|rules| (rules, root.relay.clone()))
        };
        let (rules, relay) = self.store.first_of(wanted).await;
        let mut wait = FIRST_WAIT;
        loop {
            match self.open(&rules, &relay).await {
                Ok(engine) => return (engine, rules),
                Err(error) => tracing::error!(%error, retry = wait.as_secs(), "the queue can't be opened"),
            }
            sleep(wait).await;
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    async fn open(&self, rules: &Spool, relay: &str) -> Result<Engine, StorageError> {
        match &rules.storage {
            Storage::Directory { quota_bytes, .. } => self.open_local(*quota_bytes).await.map(Engine::Local),
            Storage::Postgres { database, connections } => self.open_postgres(database, *connections, relay).await.map(Engine::Postgres),
        }
    }

    async fn open_local(&self, quota_bytes: Option<u64>) -> Result<Local, StorageError> {
        let volume = |source| StorageError::Io { path: self.directory.clone(), source };
        let directory = Disk::open(&self.directory).map_err(volume)?;
        let quota = match quota_bytes {
            Some(bytes) => bytes,
            None => Disk::default_quota(&self.directory).map_err(volume)?,
        };
        let (engine, Recovery { messages, .. }) = Local::open(directory, Settings::for_quota(quota)).await?;
        tracing::info!(directory = %self.directory.display(), quota, messages, "queue open");
        Ok(engine)
    }

    /// The file is read at each try: it may be mended meanwhile.
    async fn open_postgres(&self, name: &str, connections: u32, relay: &str) -> Result<Postgres, StorageError> {
        let database = read(&self.folder.join(database_file(name)))?;
        let Database { host, port, database, username, password, tls, ca_certificates } = database;
        let settings = postgres::Settings {
            host,
            port,
            database,
            username,
            password,
            tls: match tls {
                DatabaseTls::Verify => postgres::Tls::Verify { authorities: ca_certificates },
                DatabaseTls::Encrypt => postgres::Tls::Encrypt,
                DatabaseTls::Clear => postgres::Tls::Clear,
            },
            connections,
            queue: relay.to_owned(),
            worker: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            quota_bytes: None,
        };
        let (host, port) = (settings.host.clone(), settings.port);
        let engine = Postgres::open(settings).await?;
        tracing::info!(host, port, "queue open");
        Ok(engine)
    }
}

fn read(path: &Path) -> Result<Database, StorageError> {
    let text = fs::read(path).map_err(|source| StorageError::Io { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| StorageError::Malformed { path: path.to_owned(), source })
}
