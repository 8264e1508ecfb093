//! Hashes passwords beside the threads of sessions: few at a time, and fairly.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
    time::Duration,
};

use tokio::{
    sync::oneshot,
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::{Metrics, client::Party, hash::PasswordHash, name::Password, queue::FairQueue};

/// Passwords that may wait in all.
const MOST: usize = 256;
/// Passwords that one client may have waiting.
const MOST_OF_CLIENT: usize = 8;
/// Passwords that all clients with shared addresses may have waiting: the rest of the room is for the others.
const MOST_OF_SHARED: usize = MOST / 2;
/// How long a password waits for its verdict.
const PATIENCE: Duration = Duration::from_secs(30);

/// There is no room for another password, or its turn did not come in time.
#[derive(Debug)]
pub(super) struct Busy;

/// Where passwords are held against hashes. At most half of the processors work on it at a time.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    most_workers: usize,
    metrics: Metrics,
}

struct State {
    queue: FairQueue<Party, Job>,
    workers: usize,
}

struct Job {
    hash: Arc<PasswordHash>,
    password: Password,
    verdict: oneshot::Sender<bool>,
}

impl Pool {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self::with_workers((available_parallelism().map_or(1, usize::from) / 2).max(1), metrics)
    }

    fn with_workers(most_workers: usize, metrics: Metrics) -> Self {
        let state = Mutex::new(State { queue: FairQueue::new(MOST), workers: 0 });
        Self(Arc::new(Shared { state, most_workers, metrics }))
    }

    /// Whether `hash` is that of `password`. Who stops waiting spares us the hashing, if it did not begin.
    pub(super) async fn is_of(&self, party: Party, hash: Arc<PasswordHash>, password: Password) -> Result<bool, Busy> {
        let (verdict, wait) = oneshot::channel();
        self.submit(party, Job { hash, password, verdict })?;
        match timeout(PATIENCE, wait).await {
            Ok(Ok(verdict)) => Ok(verdict),
            _ => Err(Busy),
        }
    }

    fn submit(&self, party: Party, job: Job) -> Result<(), Busy> {
        let most = if party == Party::Shared { MOST_OF_SHARED } else { MOST_OF_CLIENT };
        let mut state = self.0.lock();
        state.queue.push(party, most, job).map_err(|_| Busy)?;
        self.0.note_waiting(&state);
        let needs_worker = state.workers < self.0.most_workers;
        state.workers += usize::from(needs_worker);
        // A runtime that shuts down drops the worker here, which takes the lock.
        drop(state);
        if needs_worker {
            let worker = Worker { shared: Arc::clone(&self.0), is_done: false };
            spawn_blocking(|| worker.work());
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_waiting(&self, state: &State) {
        self.metrics.waiting.set(i64::try_from(state.queue.len()).unwrap_or(i64::MAX));
    }
}

/// Works until nothing waits.
struct Worker {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Worker {
    fn work(mut self) {
        while let Some(job) = self.next() {
            if job.verdict.is_closed() {
                continue;
            }
            let begun = Instant::now();
            let verdict = job.hash.is_of(&job.password);
            self.shared.metrics.hashed(begun.elapsed());
            // Whoever asked may have left by now.
            let _ = job.verdict.send(verdict);
        }
    }

    /// Under one lock with its own end, so that no job comes in between and finds nobody.
    fn next(&mut self) -> Option<Job> {
        let mut state = self.shared.lock();
        let job = state.queue.pop();
        self.shared.note_waiting(&state);
        if job.is_none() {
            state.workers -= 1;
            self.is_done = true;
        }
        job
    }
}

/// A worker that panicked, or that the runtime never began, makes room for another.
impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.lock().workers -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use prometheus_client::{encoding::prometheus_text, registry::Registry};
    use tokio::{task::JoinHandle, time::sleep};

    use super::*;

    const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    /// A pool, and what it counts.
    struct Site {
        pool: Arc<Pool>,
        registry: Registry,
    }

    impl Site {
        fn new(workers: usize) -> Self {
            let mut registry = Registry::default();
            Self { pool: Arc::new(Pool::with_workers(workers, Metrics::register(&mut registry))), registry }
        }

        fn ask(&self, party: Party) -> JoinHandle<Result<bool, Busy>> {
            let (pool, hash) = (Arc::clone(&self.pool), Arc::new(PasswordHash::parse(HASH).unwrap()));
            tokio::spawn(async move { pool.is_of(party, hash, Password::new("correct horse".to_owned())).await })
        }

        fn count(&self, name: &str) -> usize {
            let mut text = String::new();
            prometheus_text::encode(&mut text, &self.registry).unwrap();
            text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap()
        }

        fn waiting(&self) -> usize {
            self.count("postern_auth_hashes_waiting")
        }
    }

    /// The paused clock goes on when nothing else does.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    fn client(number: usize) -> Party {
        Party::Own(IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).unwrap())).into())
    }

    #[tokio::test]
    async fn verdicts_come_back_to_those_who_asked() {
        let site = Site::new(1);
        let right: Vec<_> = (0..20).map(|number| site.ask(client(number))).collect();
        for right in right {
            assert!(right.await.unwrap().unwrap());
        }
        assert_eq!((site.waiting(), site.count("postern_auth_hash_duration_seconds_count")), (0, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_and_all_shared_ones_have_a_bounded_room_and_the_rest_is_for_others() {
        let site = Site::new(0);
        let mut asked: Vec<_> = (0..=MOST_OF_CLIENT).map(|_| site.ask(client(0))).collect();
        asked.extend((0..=MOST_OF_SHARED).map(|_| site.ask(Party::Shared)));
        settle().await;
        assert_eq!(site.waiting(), MOST_OF_CLIENT + MOST_OF_SHARED);
        asked.extend((1..MOST).map(|number| site.ask(client(number))));
        settle().await;
        assert_eq!(site.waiting(), MOST);
        assert!(site.ask(client(MOST)).await.unwrap().is_err(), "at once");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_bound() {
        let (site, begun) = (Site::new(0), Instant::now());
        assert!(site.ask(client(1)).await.unwrap().is_err());
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_spares_the_hashing() {
        let site = Site::new(0);
        let (leaves, stays) = (site.ask(client(1)), site.ask(client(2)));
        settle().await;
        leaves.abort();
        assert!(leaves.await.unwrap_err().is_cancelled());
        site.pool.0.lock().workers += 1;
        Worker { shared: Arc::clone(&site.pool.0), is_done: false }.work();
        assert!(stays.await.unwrap().unwrap());
        assert_eq!(site.count("postern_auth_hash_duration_seconds_count"), 1);
    }

    #[tokio::test]
    async fn a_worker_that_dies_makes_room_for_another() {
        let site = Site::new(1);
        site.pool.0.lock().workers += 1;
        drop(Worker { shared: Arc::clone(&site.pool.0), is_done: false });
        assert!(site.ask(client(1)).await.unwrap().unwrap());
    }
}
