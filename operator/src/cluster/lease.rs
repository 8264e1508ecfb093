//! One writer among several replicas, by a Lease (`coordination.k8s.io/v1`).
//!
//! The holder renews by replacing the object at the version that it read, so that of two that try one fails. It may write until [`DEADLINE`]
//! after it *asked* for the renewal that succeeded; others may take over [`DURATION`] after they *saw* it. Both count on their own monotonic
//! clocks, so that no wall clock has to be right, and the first time ends before the second can begin. Whoever loses the lease ends the process:
//! what it had in mind is void.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{backoff::jittered, permit::Standing};

/// How long a lease holds that is not renewed.
pub const DURATION: Duration = Duration::from_secs(15);
/// How long after a renewal writes may begin. What is left until the lease ends is for them to end in.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// At most so long between two attempts, to renew or to acquire.
const PERIOD: Duration = Duration::from_secs(2);
/// For one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Where the lease is kept.
pub trait Leases: Send + Sync {
    /// Reads it.
    fn get(&self) -> impl Future<Output = Result<Option<Lease>, LeaseError>> + Send;
    /// Makes it.
    fn create(&self, lease: Lease) -> impl Future<Output = Result<Lease, LeaseError>> + Send;
    /// Replaces it, if it still has the version of `lease`.
    fn replace(&self, lease: Lease) -> impl Future<Output = Result<Lease, LeaseError>> + Send;
}

/// Why the lease was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another was faster.
    #[error("another replica was faster")]
    Conflict,
    /// The server did not answer in time.
    #[error("the API server did not answer within {} s", ANSWER.as_secs())]
    Slow,
    /// The server refused, or could not be reached.
    #[error(transparent)]
    Api(kube::Error),
}

impl From<kube::Error> for LeaseError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => Self::Conflict,
            error => Self::Api(error),
        }
    }
}

/// A lease in a cluster. Its client must not retry: a request that comes late renews nothing.
#[derive(Clone)]
pub struct ClusterLease {
    api: Api<Lease>,
    name: String,
}

impl ClusterLease {
    /// The lease of a name in the namespace of `api`.
    #[must_use]
    pub fn new(api: Api<Lease>, name: &str) -> Self {
        Self { api, name: name.to_owned() }
    }
}

impl Leases for ClusterLease {
    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        answered(self.api.get_opt(&self.name)).await
    }

    async fn create(&self, mut lease: Lease) -> Result<Lease, LeaseError> {
        lease.metadata.name = Some(self.name.clone());
        answered(self.api.create(&PostParams::default(), &lease)).await
    }

    async fn replace(&self, lease: Lease) -> Result<Lease, LeaseError> {
        answered(self.api.replace(&self.name, &PostParams::default(), &lease)).await
    }
}

async fn answered<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, LeaseError> {
    timeout(ANSWER, request).await.map_err(|_| LeaseError::Slow)?.map_err(LeaseError::from)
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was to stop, and holds nothing any more.
    Stopped,
    /// The lease may be another's.
    Lost,
}

/// A replica that wants the lease.
pub struct Candidate<L> {
    leases: L,
    identity: String,
    standing: watch::Sender<Standing>,
    /// The lease of another as it was seen last, and since when it is like that.
    seen: Option<(LeaseSpec, Instant)>,
}

/// The lease, held.
struct Held {
    lease: Lease,
    deadline: Instant,
}

impl<L: Leases> Candidate<L> {
    /// `identity` must be this process' alone, over restarts too.
    pub fn new(leases: L, identity: String, standing: watch::Sender<Standing>) -> Self {
        Self { leases, identity, standing, seen: None }
    }

    /// Acquires the lease and keeps it until `stop`, and gives it back then; or until it is lost.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let held = loop {
            match self.acquire().await {
                Ok(Some(held)) => break held,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "can't acquire the lease"),
            }
            tokio::select! {
                () = stop.cancelled() => return Ended::Stopped,
                () = sleep(jittered(PERIOD)) => {}
            }
        };
        tracing::info!(identity = self.identity, "leading");
        let ended = self.keep(held, &stop).await;
        self.standing.send_replace(Standing::Standby);
        ended
    }

    /// Takes the lease if nobody holds it.
    async fn acquire(&mut self) -> Result<Option<Held>, LeaseError> {
        let found = self.leases.get().await?;
        let asked = Instant::now();
        let written = match found {
            None => self.leases.create(Lease { metadata: ObjectMeta::default(), spec: Some(self.claim(0)) }).await,
            Some(lease) if self.is_free(&lease) => {
                let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or_default();
                self.leases.replace(Lease { spec: Some(self.claim(transitions.saturating_add(1))), ..lease }).await
            }
            Some(_) => return Ok(None),
        };
        match written {
            Ok(lease) => Ok(Some(self.hold(lease, asked))),
            Err(LeaseError::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the lease is given back, or was not renewed for as long as it holds.
    fn is_free(&mut self, lease: &Lease) -> bool {
        let spec = lease.spec.clone().unwrap_or_default();
        if spec.holder_identity.as_ref().is_none_or(String::is_empty) {
            return true;
        }
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            _ => now,
        };
        let holds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(DURATION, Duration::from_secs);
        self.seen = Some((spec, since));
        now.duration_since(since) >= holds
    }

    /// Renews until it is to stop, or no renewal came through in time.
    async fn keep(&self, mut held: Held, stop: &CancellationToken) -> Ended {
        loop {
            let deadline = held.deadline;
            tokio::select! {
                () = stop.cancelled() => {
                    self.release(held).await;
                    return Ended::Stopped;
                }
                () = sleep(jittered(PERIOD)) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.renew(&held)).await {
                Ok(Ok(Some(renewed))) => held = renewed,
                Ok(Ok(None)) => {
                    tracing::error!("another replica took the lease");
                    return Ended::Lost;
                }
                Ok(Err(error)) => tracing::warn!(%error, "can't renew the lease"),
                Err(_) => {
                    tracing::error!("no renewal of the lease came through in time");
                    return Ended::Lost;
                }
            }
        }
    }

    /// Renews once. Nothing when the lease is another's.
    async fn renew(&self, held: &Held) -> Result<Option<Held>, LeaseError> {
        let asked = Instant::now();
        match self.leases.replace(renewed(&held.lease)).await {
            Ok(lease) => Ok(Some(self.hold(lease, asked))),
            Err(LeaseError::Conflict) => {
                // A renewal whose answer was lost, or somebody's annotation; or the end.
                let Some(lease) = self.leases.get().await? else { return Ok(None) };
                if lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) != Some(self.identity.as_str()) {
                    return Ok(None);
                }
                let asked = Instant::now();
                let lease = self.leases.replace(renewed(&lease)).await?;
                Ok(Some(self.hold(lease, asked)))
            }
            Err(error) => Err(error),
        }
    }

    /// Lets the next replica take over at once. When that fails, it does when the lease ends.
    async fn release(&self, held: Held) {
        self.standing.send_replace(Standing::Standby);
        let mut lease = held.lease;
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
        }
        if let Err(error) = self.leases.replace(lease).await {
            tracing::warn!(%error, "can't give the lease back; it ends by itself");
        }
    }

    fn hold(&self, lease: Lease, asked: Instant) -> Held {
        let deadline = asked + DEADLINE;
        self.standing.send_replace(Standing::Until(deadline));
        Held { lease, deadline }
    }

    fn claim(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

/// The same lease with the time of now. The time is for people, and to make the object differ; nobody's clock is compared with it.
fn renewed(lease: &Lease) -> Lease {
    let spec = lease.spec.clone().map(|spec| LeaseSpec { renew_time: Some(MicroTime(Timestamp::now())), ..spec });
    Lease { spec, ..lease.clone() }
}
