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
        let most_workers = (available_parallelism().map_or(1, usize::from) / 2).max(1);
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
