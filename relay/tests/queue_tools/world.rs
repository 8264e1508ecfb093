//! A queue in a folder of its own, with the relay's side of its socket.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use postern_relay::{
    delivery::{self, Outbound, Resolver},
    intake::Inlet,
    queue_tools::{Bounce, BounceError, Server},
    snapshot::Store,
};
use postern_spool::{Filter, Local, MessageId, Settings, Spool as _, directory::Disk};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::tool::{Ended, command, run_command};

/// A queue. Dropping it ends its server.
pub(crate) struct World {
    pub(crate) spool: Local,
    pub(crate) socket: PathBuf,
    pub(crate) bounced: Bounced,
    pub(crate) at: TempDir,
    serving: JoinHandle<()>,
}

/// Gives messages back: they end, and their names are kept.
#[derive(Clone)]
pub(crate) struct Bounced {
    spool: Local,
    ids: Arc<Mutex<HashSet<MessageId>>>,
    /// After so many, no bounce ever ends.
    pub(crate) patience: Arc<Mutex<Option<usize>>>,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        let at = TempDir::new()?;
        let spool = open(&at.path().join("queue")).await?;
        let socket = at.path().join("queue.sock");
        let inlet = Inlet::new(Outbound::new(Resolver::from_system()?, delivery::Metrics::register(&mut Registry::default())));
        inlet.open(spool.clone());
        let bounced = Bounced { spool: spool.clone(), ids: Arc::default(), patience: Arc::default() };
        let serving = tokio::spawn(Server::bind(&socket)?.run(inlet, Arc::new(Store::default()), bounced.clone()));
        Ok(Self { spool, socket, bounced, at, serving })
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let command = command(&self.socket, arguments);
        spawn_blocking(|| run_command(command)).await?
    }

    /// The names of all messages that are there.
    pub(crate) async fn names(&self) -> Result<Vec<MessageId>> {
        let page = self.spool.list(&Filter::default(), None, usize::MAX).await?;
        Ok(page.messages.iter().map(|listed| listed.entry.id()).collect())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Bounced {
    pub(crate) fn ids(&self) -> HashSet<MessageId> {
        self.ids.lock().unwrap().clone()
    }

    /// Takes one of those that end, if there is a bound; false when it was there.
    fn has_no_patience_left(&self) -> bool {
        match &mut *self.patience.lock().unwrap() {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

impl Bounce for Bounced {
    async fn bounce(&self, id: MessageId) -> Result<(), BounceError> {
        if self.spool.get(id).await?.claimed {
            return Err(BounceError::Claimed);
        }
        if self.has_no_patience_left() {
            std::future::pending::<()>().await;
        }
        self.spool.remove(id).await?;
        self.ids.lock().unwrap().insert(id);
        Ok(())
    }
}

/// Opens the queue in a folder, which is made if it is not there.
pub(crate) async fn open(folder: &std::path::Path) -> Result<Local> {
    std::fs::create_dir_all(folder)?;
    Ok(Local::open(Disk::open(folder)?, Settings::for_quota(1 << 30)).await?.0)
}
