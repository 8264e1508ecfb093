//! Hands what is in the queue over to peers, when the relay ends.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use postern_spool::{Claim as _, Reach, Spool, SpoolError};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, sleep_until},
};

use super::{
    link::Credentials,
    metrics::Metrics,
    peers::Peers,
    trip::{End, Road},
};
use crate::{listen::Drain, tls::Identity};

/// Messages on their way at once.
pub(super) const AT_ONCE: usize = 16;
/// Longer than any grace period: what is claimed for the hand-over is nobody else's until the process ends.
const LEASE: Duration = Duration::from_hours(48);
/// How long nothing need arrive anywhere until mail that is safe here is left here.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long to wait for mail of sessions that are still open.
const PAUSE: Duration = Duration::from_millis(100);
/// Most messages that no peer takes; then the queue is no queue that peers take.
const MOST_REFUSED: usize = 1000;

/// Hands what is in the queue over to peers, when the relay ends.
pub struct Sender<S> {
    /// The queue, whose deliveries have ended.
    pub spool: Arc<S>,
    /// Who takes it.
    pub peers: Arc<Peers>,
    /// The folder of the configuration, where the relay's identity lies.
    pub folder: PathBuf,
    /// Whether the queue outlives the pod. Then it is not worth the whole grace period to wait for peers.
    pub durable: bool,
    /// Whether sessions are still open, which may leave more.
    pub drain: Drain,
    /// What is counted.
    pub metrics: Metrics,
}

/// What a hand-over came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Messages that peers have now.
    pub handed: u64,
    /// Messages that are still here.
    pub left: u64,
}

impl<S: Spool> Sender<S> {
    /// Hands over until nothing is left, nobody takes more, or the time is `until`. What is left is nobody's.
    pub async fn run(&self, until: Instant) -> Outcome {
        let handed = self.hand_over(until).await;
        let left = self.spool.statistics().await.map_or(0, |statistics| statistics.messages);
        self.metrics.left.set(left.try_into().unwrap_or(i64::MAX));
        Outcome { handed, left }
    }

    async fn hand_over(&self, until: Instant) -> u64 {
        let Some(credentials) = self.credentials().await else { return 0 };
        let road = Arc::new(Road::new(Arc::clone(&self.peers), credentials, self.metrics.clone()));
        tokio::select! {
            handed = self.send_all(&road, until) => handed,
            never = self.peers.follow() => match never {},
        }
    }

    async fn credentials(&self) -> Option<Credentials> {
        let folder = self.folder.clone();
        match spawn_blocking(move || Identity::read(&folder)).await.ok()? {
            Ok(identity) => Credentials::of(&identity),
            Err(error) => {
                tracing::warn!(%error, "without an identity the queue can't be handed over");
                None
            }
        }
    }

    async fn send_all(&self, road: &Arc<Road>, until: Instant) -> u64 {
        let (mut handed, mut stay, mut trips) = (0, Vec::new(), JoinSet::new());
        while stay.len() < MOST_REFUSED {
            for claim in self.claim(AT_ONCE - trips.len()).await {
                let road = Arc::clone(road);
                trips.spawn(async move { road.carry(claim).await });
            }
            if trips.is_empty() && self.drain.connections().is_empty() {
                break;
            }
            tokio::select! {
                Some(end) = trips.join_next() => match end {
                    Ok(End::HandedOver) => handed += 1,
                    Ok(End::There(error)) => {
                        handed += 1;
                        tracing::warn!(%error, "a message is with a peer, and could not be finished here");
                    }
                    Ok(End::Stays(claim)) => {
                        tracing::warn!(id = %claim.entry().id(), "no peer takes a message, which stays");
                        stay.push(claim);
                    }
                    Err(error) => tracing::error!(%error, "a hand-over failed"),
                },
                // Now and then, for what sessions that are still open may have left.
                () = sleep(PAUSE) => {}
                () = sleep_until(until) => break,
            }
            if self.durable && road.since_arrival() >= PATIENCE {
                tracing::warn!("no peer takes anything");
                break;
            }
        }
        // What is still on its way stays, and is released; that a peer may have it all the same is why it keeps its name.
        trips.shutdown().await;
        handed
    }

    /// What is due comes first.
    async fn claim(&self, limit: usize) -> Vec<S::Claim> {
        let (now, mut claims) = (Timestamp::now(), Vec::new());
        for reach in [Reach::Due, Reach::All] {
            if claims.len() == limit {
                break;
            }
            match self.spool.claim(reach, now, LEASE, limit - claims.len()).await {
                Ok(more) => claims.extend(more),
                Err(error) => {
                    log_unclaimed(&error);
                    break;
                }
            }
        }
        claims
    }
}

fn log_unclaimed(error: &SpoolError) {
    tracing::warn!(%error, "the queue can't be read for the hand-over");
}
