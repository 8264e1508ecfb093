//! The end of the process, in good order.
//!
//! | part | has until |
//! |---|---|
//! | connections are still taken, since endpoints lag | the drain delay is over; then the grace period begins |
//! | open transactions finish | half of the grace period; all of it where there is no queue |
//! | deliveries that run finish | three quarters |
//! | the queue is handed over to peers | the end |
//!
//! What a part leaves of its time is the next one's.

use std::{path::PathBuf, sync::Arc, time::Duration};

use postern_config::Storage;
use postern_relay::{
    handover::{Metrics, Outcome, Peers, Sender},
    intake::Inlet,
    listen::{Drain, Drained},
    queue::Queue,
    snapshot::Store,
    storage::Engine,
};
use postern_spool::Spool as _;
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

/// What the queue has to write down what it was asked before.
const CLOSING: Duration = Duration::from_secs(5);

/// What ends.
pub(crate) struct Ending {
    /// How long connections are still taken.
    pub(crate) delay: Duration,
    /// How long all that comes then may take.
    pub(crate) grace: Duration,
    /// The sessions.
    pub(crate) drain: Drain,
    /// The queue.
    pub(crate) inlet: Inlet<Engine>,
    /// Who takes the queue.
    pub(crate) peers: Option<Arc<Peers>>,
    /// The configuration in use.
    pub(crate) store: Arc<Store>,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What is counted of the hand-over.
    pub(crate) metrics: Metrics,
}

impl Ending {
    /// Ends all, within the delay and the grace.
    pub(crate) async fn run(self, signal: &str, outgoing: JoinHandle<Queue<Engine>>) {
        if !self.delay.is_zero() {
            tracing::info!(signal, delay = self.delay.as_secs(), "ending soon: connections are still taken");
            tokio::time::sleep(self.delay).await;
        }
        let until = Instant::now() + self.grace;
        tracing::info!(signal, grace = self.grace.as_secs(), "ending: no new connections, transactions finish");
        self.finish_sessions().await;
        if let Some(queue) = self.inlet.spool() {
            // The queue is open, so its deliveries have begun or are about to.
            if let Ok(deliveries) = outgoing.await {
                deliveries.drain(until - self.grace / 4).await;
            }
            self.end_queue(&queue, until).await;
        }
        match self.drain.connections().len() {
            0 => {}
            sessions => tracing::warn!(sessions, "the grace is over, sessions are cut; their senders keep the mail"),
        }
    }

    async fn finish_sessions(&self) {
        let share = if self.inlet.spool().is_some() { self.grace / 2 } else { self.grace };
        if self.drain.run(share).await == Drained::Whole {
            tracing::info!("every session ended");
        }
    }

    async fn end_queue(&self, queue: &Arc<Engine>, until: Instant) {
        self.hand_over(queue, until).await;
        if timeout(CLOSING, queue.close()).await.is_err() {
            tracing::warn!("the queue took too long to close; what was promised is written down");
        }
    }

    /// A queue that all pods share needs no hand-over: they go on with it.
    async fn hand_over(&self, queue: &Arc<Engine>, until: Instant) {
        let Some(durable) = self.queue_outlives_the_pod() else { return };
        let Some(peers) = &self.peers else {
            let messages = queue.statistics().await.map_or(0, |statistics| statistics.messages);
            tracing::info!(messages, "no peers are named, the queue stays here");
            return;
        };
        tracing::info!("handing the queue over to peers");
        let sender = Sender {
            spool: Arc::clone(queue),
            peers: Arc::clone(peers),
            folder: self.folder.clone(),
            durable,
            drain: self.drain.clone(),
            metrics: self.metrics.clone(),
        };
        match sender.run(until).await {
            Outcome { handed, left: 0 } => tracing::info!(handed, "the queue is handed over"),
            Outcome { handed, left } if durable => tracing::warn!(handed, left, "mail stays here until this replica comes back"),
            Outcome { handed, left } => tracing::error!(handed, left, "mail is lost unless this container starts again"),
        }
    }

    /// `None` where the queue is not the pod's own.
    fn queue_outlives_the_pod(&self) -> Option<bool> {
        let snapshot = self.store.snapshot()?;
        match snapshot.configuration.root.spool.as_ref()?.storage {
            Storage::Directory { durable, .. } => Some(durable),
            Storage::Postgres { .. } => None,
        }
    }
}
