//! What becomes of a message between our 250 and its delivery, or the report that it can't be delivered.
//!
//! A message is claimed from the spool when it is due ([`scheduler`]), and worked on in a task of its own ([`round`]): its recipients are
//! grouped by where they go now ([`plan`]), each group waits for its site ([`sites`]) and makes one transaction ([`attempt`]), and what is
//! said of each recipient becomes its status ([`progress`], [`retry`]), which is stored before anything else is done. Then the sender is told
//! what it is owed ([`notify`], [`reporting`], [`report`]), and the message ends or waits for its next turn.

mod attempt;
mod bounce;
mod content;
mod journal;
mod metrics;
mod notify;
mod plan;
mod progress;
mod report;
mod reporting;
mod retry;
mod round;
mod scheduler;
mod sites;
mod works;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use postern_config::Spool as Rules;
use postern_spool::Spool;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use bounce::Bouncer;
pub use metrics::Metrics;
use sites::Sites;
use works::Works;

use crate::{delivery::Outbound, snapshot};

/// How often it is counted what is in the queue.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// The queue at work. Dropping it stops it at once, in the middle of deliveries; [`Queue::drain`] ends it in good order.
pub struct Queue<S: Spool> {
    works: Arc<Works<S>>,
    scheduler: JoinHandle<JoinSet<()>>,
    counting: JoinHandle<()>,
}

impl<S: Spool> Queue<S> {
    /// Delivers what is in `spool`, and what comes into it, through `outbound`. The newest configuration counts for each message; `rules` are
    /// those for times when it has no queue. Must be called in a Tokio runtime.
    pub fn start(spool: S, outbound: Outbound, configuration: Arc<snapshot::Store>, rules: Rules, metrics: Metrics) -> Self {
        let works = Arc::new(Works {
            spool,
            outbound,
            configuration,
            sites: Sites::new(metrics.blocked.clone()),
            metrics,
            ending: CancellationToken::new(),
            last_rules: rules,
        });
        Self {
            scheduler: tokio::spawn(scheduler::run(Arc::clone(&works))),
            counting: tokio::spawn(count(works.spool.clone(), works.metrics.clone())),
            works,
        }
    }

    /// Begins no delivery any more. Those that run have until `deadline` to end; what is claimed is given back.
    pub async fn drain(mut self, deadline: tokio::time::Instant) {
        self.works.ending.cancel();
        if let Ok(mut rounds) = (&mut self.scheduler).await {
            let all = async { while rounds.join_next().await.is_some() {} };
            if timeout_at(deadline, all).await.is_err() {
                warn!(messages = rounds.len(), "deliveries took too long and were broken off: they are made again, and may arrive twice");
            }
            rounds.shutdown().await;
        }
    }
}

impl<S: Spool> Drop for Queue<S> {
    fn drop(&mut self) {
        self.works.ending.cancel();
        self.scheduler.abort();
        self.counting.abort();
    }
}

async fn count<S: Spool>(spool: S, metrics: Metrics) {
    let mut ticks = interval(COUNT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match spool.statistics().await {
            Ok(statistics) => metrics.observe(&statistics, Timestamp::now()),
            Err(error) => warn!(%error, "the queue can't be counted"),
        }
    }
}
