//! One writer among several replicas, by a Lease (`coordination.k8s.io/v1`).
//!
//! The holder renews by replacing the object at the version that it read, so that of two that try one fails. It may write until [`DEADLINE`]
//! after it *asked* for the renewal that succeeded; others may take over [`DURATION`] after they *saw* it. Both count on their own monotonic
//! clocks, so that no wall clock has to be right, and the first time ends before the second can begin. Who does not reach the server writes
//! nothing and goes on trying: when nobody took the lease meanwhile, all that it had in mind still holds. Who finds it with another ends the
//! process.

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
            // A lease that was deleted meanwhile is no longer the one that was read, either.
            kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() || status.is_not_found() => Self::Conflict,
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
        // Time in which the server was away is nobody's fault: the holder may renew when it is back.
        let found = self.leases.get().await.inspect_err(|_| self.seen = None)?;
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

    /// Renews until it is to stop, or another holds the lease.
    async fn keep(&self, mut held: Held, stop: &CancellationToken) -> Ended {
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    self.release(held).await;
                    return Ended::Stopped;
                }
                () = sleep(jittered(PERIOD)) => {}
            }
            match self.renew(&held).await {
                Ok(Some(renewed)) => {
                    if Instant::now() > held.deadline {
                        tracing::info!("the lease is renewed; writes go on");
                    }
                    held = renewed;
                }
                Ok(None) => {
                    tracing::error!("another replica took the lease");
                    return Ended::Lost;
                }
                Err(error) => {
                    let may_write = Instant::now() < held.deadline;
                    tracing::warn!(%error, may_write, "can't renew the lease");
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::advance;

    use super::*;
    use crate::cluster::permit::Permits;

    /// A server with one lease, which can be slow or away.
    #[derive(Clone, Default)]
    struct Server(Arc<Mutex<Inner>>);

    #[derive(Default)]
    struct Inner {
        lease: Option<Lease>,
        version: u64,
        /// Replicas that do not reach it.
        away: Vec<&'static str>,
        /// The answers to these replicas' writes are lost, once each.
        deaf: Vec<&'static str>,
    }

    struct Link {
        server: Server,
        replica: &'static str,
    }

    impl Link {
        async fn reach<T>(&self, work: impl FnOnce(&mut Inner) -> Result<T, LeaseError> + Send) -> Result<T, LeaseError> {
            if self.server.0.lock().unwrap().away.contains(&self.replica) {
                sleep(ANSWER).await;
                return Err(LeaseError::Slow);
            }
            work(&mut self.server.0.lock().unwrap())
        }

        async fn write(&self, work: impl FnOnce(&mut Inner) -> Result<Lease, LeaseError> + Send) -> Result<Lease, LeaseError> {
            let written = self.reach(work).await?;
            let is_lost = {
                let mut inner = self.server.0.lock().unwrap();
                let deaf = inner.deaf.iter().position(|replica| *replica == self.replica);
                deaf.map(|at| inner.deaf.remove(at)).is_some()
            };
            if is_lost {
                sleep(ANSWER).await;
                return Err(LeaseError::Slow);
            }
            Ok(written)
        }
    }

    impl Inner {
        fn store(&mut self, mut lease: Lease) -> Lease {
            self.version += 1;
            lease.metadata.resource_version = Some(self.version.to_string());
            self.lease = Some(lease.clone());
            lease
        }
    }

    impl Leases for Link {
        async fn get(&self) -> Result<Option<Lease>, LeaseError> {
            self.reach(|inner| Ok(inner.lease.clone())).await
        }

        async fn create(&self, lease: Lease) -> Result<Lease, LeaseError> {
            self.write(|inner| if inner.lease.is_some() { Err(LeaseError::Conflict) } else { Ok(inner.store(lease)) }).await
        }

        async fn replace(&self, lease: Lease) -> Result<Lease, LeaseError> {
            let is_current =
                |inner: &Inner| inner.lease.as_ref().is_some_and(|held| held.metadata.resource_version == lease.metadata.resource_version);
            self.write(|inner| if is_current(inner) { Ok(inner.store(lease.clone())) } else { Err(LeaseError::Conflict) }).await
        }
    }

    struct Replica {
        permits: Permits,
        stop: CancellationToken,
        task: tokio::task::JoinHandle<Ended>,
    }

    fn replica(server: &Server, name: &'static str) -> Replica {
        let (standing, told) = watch::channel(Standing::Standby);
        let stop = CancellationToken::new();
        let candidate = Candidate::new(Link { server: server.clone(), replica: name }, name.to_owned(), standing);
        Replica { permits: Permits::new(told), task: tokio::spawn(candidate.run(stop.clone())), stop }
    }

    async fn pass(time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            advance(Duration::from_millis(10)).await;
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_two_leads() {
        let server = Server::default();
        let replicas = [replica(&server, "a"), replica(&server, "b")];
        pass(Duration::from_secs(5)).await;
        for _ in 0..600 {
            pass(Duration::from_millis(100)).await;
            assert_eq!(replicas.iter().filter(|replica| replica.permits.leads()).count(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_reach_the_server_writes_no_more_before_another_does() {
        let server = Server::default();
        let first = replica(&server, "a");
        pass(Duration::from_secs(3)).await;
        let second = replica(&server, "b");
        pass(Duration::from_secs(3)).await;
        assert!(first.permits.leads() && !second.permits.leads());
        server.0.lock().unwrap().away.push("a");
        let (mut stopped, mut taken) = (None, None);
        let cut = Instant::now();
        while taken.is_none() && cut.elapsed() < Duration::from_mins(2) {
            pass(Duration::from_millis(10)).await;
            if !first.permits.leads() {
                stopped.get_or_insert(cut.elapsed());
            }
            if second.permits.leads() {
                taken = Some(cut.elapsed());
                assert!(!first.permits.leads());
            }
        }
        let (stopped, taken) = (stopped.unwrap(), taken.unwrap());
        assert!(stopped <= DEADLINE, "{stopped:?}");
        // A write that began last has ended.
        assert!(taken >= stopped + crate::cluster::permit::WRITE_TIMEOUT, "{stopped:?} {taken:?}");
        // It reaches the server again, and finds the lease with another.
        server.0.lock().unwrap().away.clear();
        assert_eq!(first.task.await.unwrap(), Ended::Lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_was_away_finds_the_same_leader() {
        let server = Server::default();
        let replicas = [replica(&server, "a"), replica(&server, "b")];
        pass(Duration::from_secs(5)).await;
        let led: Vec<_> = replicas.iter().map(|replica| replica.permits.leads()).collect();
        server.0.lock().unwrap().away = vec!["a", "b"];
        pass(DEADLINE).await;
        for _ in 0..500 {
            pass(Duration::from_millis(100)).await;
            assert!(replicas.iter().all(|replica| !replica.permits.leads()));
        }
        server.0.lock().unwrap().away.clear();
        pass(ANSWER + PERIOD + Duration::from_millis(100)).await;
        let leads: Vec<_> = replicas.iter().map(|replica| replica.permits.leads()).collect();
        assert_eq!(leads, led);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_lost_loses_no_lease() {
        let server = Server::default();
        let only = replica(&server, "a");
        pass(Duration::from_secs(3)).await;
        server.0.lock().unwrap().deaf.push("a");
        for _ in 0..300 {
            pass(Duration::from_millis(100)).await;
            assert!(only.permits.leads());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_foreign_edit_of_the_lease_loses_nothing() {
        let server = Server::default();
        let only = replica(&server, "a");
        pass(Duration::from_secs(3)).await;
        for _ in 0..20 {
            {
                let mut inner = server.0.lock().unwrap();
                let lease = inner.lease.clone().unwrap();
                inner.store(lease);
            }
            pass(Duration::from_secs(1)).await;
            assert!(only.permits.leads());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_lets_the_next_take_over_at_once() {
        let server = Server::default();
        let first = replica(&server, "a");
        pass(Duration::from_secs(3)).await;
        let second = replica(&server, "b");
        pass(Duration::from_secs(5)).await;
        first.stop.cancel();
        assert_eq!(first.task.await.unwrap(), Ended::Stopped);
        assert!(!first.permits.leads());
        pass(PERIOD + Duration::from_millis(100)).await;
        assert!(second.permits.leads());
        let lease = server.0.lock().unwrap().lease.clone().unwrap();
        assert_eq!(lease.spec.unwrap().lease_transitions, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_another_took_ends_the_process() {
        let server = Server::default();
        let only = replica(&server, "a");
        pass(Duration::from_secs(3)).await;
        {
            let mut inner = server.0.lock().unwrap();
            let mut lease = inner.lease.clone().unwrap();
            lease.spec.as_mut().unwrap().holder_identity = Some("b".to_owned());
            inner.store(lease);
        }
        pass(PERIOD + Duration::from_millis(100)).await;
        assert!(!only.permits.leads());
        assert_eq!(only.task.await.unwrap(), Ended::Lost);
    }
}
