//! Takes keys off a queue and reconciles them, a bounded number at once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    cluster::{
        Context,
        metrics::Metrics,
        queue::{Job, Outcome, Queue},
    },
    inventory::Key,
    reconcile::{After, ReconcileError, reconcile_domain, reconcile_relay},
};

/// For one reconcile. Every request in it has a time-out of its own; this is for what was forgotten.
const DEADLINE: Duration = Duration::from_mins(2);

/// What is reconciled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Controller {
    Relay,
    Domain,
}

/// What all reconciles share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    pub(super) metrics: Arc<Metrics>,
    /// Reconciles that have begun.
    pub(super) tasks: TaskTracker,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Domain => "domain",
        }
    }

    /// Begins reconciles until it is dropped.
    pub(super) async fn run(self, queue: &Arc<Queue<Key>>, concurrency: usize, shared: &Shared) {
        let places = Arc::new(Semaphore::new(concurrency));
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            // While the lease is in doubt, nothing is worth beginning.
            shared.context.permits.led().await;
            let job = queue.next().await;
            let span = tracing::info_span!("reconcile", controller = self.name(), object = %job.key());
            let work = shared.clone();
            let task = async move {
                self.attend(job, &work).await;
                drop(place);
            };
            shared.tasks.spawn(task.instrument(span));
        }
    }

    async fn attend(self, job: Job<Key>, shared: &Shared) {
        let begun = Instant::now();
        if self == Self::Relay && !shared.context.world.is_whole(job.key()) {
            // What was read last wakes it.
            tracing::debug!("waits for what it refers to");
            job.end(Outcome::Settled);
            return;
        }
        let reconciled = match timeout(DEADLINE, self.reconcile(&shared.context, job.key())).await {
            Ok(Ok(after)) => Ok(after),
            Ok(Err(error)) => Err((error.reason(), error.to_string())),
            Err(_) => Err(("Deadline", format!("it took longer than {} s", DEADLINE.as_secs()))),
        };
        shared.metrics.reconciled(self.name(), begun.elapsed(), reconciled.as_ref().err().map(|(reason, _)| *reason));
        let took = begun.elapsed().as_secs_f32();
        match reconciled {
            Ok(After::Settled) => {
                tracing::debug!(took, "settled");
                job.end(Outcome::Settled);
            }
            Ok(After::In(again)) => {
                tracing::debug!(took, again = again.as_secs(), "settled for now");
                job.end(Outcome::Again(again));
            }
            Err((reason, error)) => {
                tracing::warn!(took, reason, error, "can't be reconciled; it is tried again");
                job.end(Outcome::Failed);
            }
        }
    }

    async fn reconcile(self, context: &Context, key: &Key) -> Result<After, ReconcileError> {
        match self {
            Self::Relay => reconcile_relay(context, key).await,
            Self::Domain => reconcile_domain(context, key).await,
        }
    }
}
