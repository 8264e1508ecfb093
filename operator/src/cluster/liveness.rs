//! Whether the watches get on.
//!
//! A watch is stuck when its task does not turn any more, or when the server answers others and has long not answered it. A server that answers
//! nobody is no reason to restart: that would not bring it back, and only delay the operator when it is.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use super::watch::LONGEST;

/// A watch that got no answer for so long is stuck, if others do.
const UNANSWERED: Duration = Duration::from_mins(10);
/// When nobody was answered for so long, the server was away.
const AWAY: Duration = Duration::from_mins(2);

/// How one watch gets on.
#[derive(Debug)]
pub struct Progress {
    name: String,
    is_synced: AtomicBool,
    /// Nothing waits for it, though it was not listed.
    is_passed_over: AtomicBool,
    failures: AtomicU64,
    times: Mutex<Times>,
    shared: Arc<Shared>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    turned: Instant,
    answered: Instant,
}

/// What all watches have in common.
#[derive(Debug)]
struct Shared {
    answers: Mutex<Answers>,
    synced: watch::Sender<()>,
}

/// Since when the server answers anybody, and when it did last.
#[derive(Clone, Copy, Debug)]
struct Answers {
    since: Instant,
    last: Instant,
}

/// Every watch.
#[derive(Debug)]
pub struct Liveness {
    watches: Vec<Arc<Progress>>,
    shared: Arc<Shared>,
}

impl Default for Liveness {
    fn default() -> Self {
        let now = Instant::now();
        let shared = Shared { answers: Mutex::new(Answers { since: now, last: now }), synced: watch::Sender::new(()) };
        Self { watches: Vec::new(), shared: Arc::new(shared) }
    }
}

/// How a watch gets on, for those who look on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchState {
    /// The kind, and the namespace if it is one of several.
    pub name: String,
    /// It was listed once at least.
    pub is_synced: bool,
    /// Attempts that failed since the start.
    pub failures: u64,
    /// How long ago the server answered.
    pub age: Duration,
}

impl Progress {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The task runs.
    pub(super) fn turned(&self) {
        locked(&self.times).turned = Instant::now();
    }

    /// The server answered, whatever it said.
    pub(super) fn answered(&self) {
        let now = Instant::now();
        *locked(&self.times) = Times { turned: now, answered: now };
        let mut answers = locked(&self.shared.answers);
        if now.duration_since(answers.last) > AWAY {
            answers.since = now;
        }
        answers.last = now;
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_synced(&self) -> bool {
        self.is_synced.load(Ordering::Relaxed)
    }

    /// Everything of the kind is known. Says whether that is news.
    pub(super) fn synced(&self) -> bool {
        let is_news = !self.is_synced.swap(true, Ordering::Relaxed);
        if is_news {
            self.shared.synced.send_replace(());
        }
        is_news
    }

    /// Nothing of the kind is known, and those who depend on it know that; all others go on.
    pub(super) fn passed_over(&self) {
        if !self.is_passed_over.swap(true, Ordering::Relaxed) {
            self.shared.synced.send_replace(());
        }
    }

    fn is_settled(&self) -> bool {
        self.is_synced() || self.is_passed_over.load(Ordering::Relaxed)
    }

    fn times(&self) -> Times {
        *locked(&self.times)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is whole at any time.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Liveness {
    /// One more watch.
    pub(super) fn add(&mut self, name: String) -> Arc<Progress> {
        let now = Instant::now();
        let progress = Arc::new(Progress {
            name,
            is_synced: AtomicBool::new(false),
            is_passed_over: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            times: Mutex::new(Times { turned: now, answered: now }),
            shared: Arc::clone(&self.shared),
        });
        self.watches.push(Arc::clone(&progress));
        progress
    }

    /// Waits until everything was listed once, or is passed over.
    pub async fn synced(&self) {
        let mut changed = self.shared.synced.subscribe();
        while !self.is_synced() {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether everything was listed once, or is passed over.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.watches.iter().all(|watch| watch.is_settled())
    }

    /// Watches that are waited for.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.watches.iter().filter(|watch| !watch.is_settled()).map(|watch| watch.name())
    }

    /// Watches that only a restart can free.
    #[must_use]
    pub fn stuck(&self) -> Vec<&str> {
        let now = Instant::now();
        let Answers { since, last } = *locked(&self.shared.answers);
        let answers_others = now.duration_since(last) <= AWAY && now.duration_since(since) > UNANSWERED;
        let is_stuck = |times: Times| {
            let is_unanswered = answers_others && now.duration_since(times.answered) > UNANSWERED;
            now.duration_since(times.turned) > LONGEST || is_unanswered
        };
        self.watches.iter().filter(|watch| is_stuck(watch.times())).map(|watch| watch.name()).collect()
    }

    /// Every watch as it is now.
    #[must_use]
    pub fn states(&self) -> Vec<WatchState> {
        let now = Instant::now();
        let state = |watch: &Arc<Progress>| WatchState {
            name: watch.name.clone(),
            is_synced: watch.is_synced(),
            failures: watch.failures.load(Ordering::Relaxed),
            age: now.duration_since(watch.times().answered),
        };
        self.watches.iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_turn_is_stuck() {
        let mut liveness = Liveness::default();
        let (first, _second) = (liveness.add("a".to_owned()), liveness.add("b".to_owned()));
        advance(LONGEST).await;
        assert_eq!(liveness.stuck(), Vec::<&str>::new());
        first.turned();
        advance(Duration::from_secs(1)).await;
        assert_eq!(liveness.stuck(), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_down_is_no_reason_to_restart() {
        let mut liveness = Liveness::default();
        let watches = [liveness.add("a".to_owned()), liveness.add("b".to_owned())];
        for _ in 0..120 {
            advance(Duration::from_secs(30)).await;
            for watch in &watches {
                watch.turned();
            }
        }
        assert_eq!(liveness.stuck(), Vec::<&str>::new());
        // It is back, and has not come to all yet.
        watches[0].answered();
        assert_eq!(liveness.stuck(), Vec::<&str>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_alone_gets_no_answer_is_stuck() {
        let mut liveness = Liveness::default();
        let watches = [liveness.add("a".to_owned()), liveness.add("b".to_owned())];
        let mut minutes = 0;
        while liveness.stuck().is_empty() && minutes < 60 {
            advance(Duration::from_mins(1)).await;
            watches[0].answered();
            watches[1].turned();
            minutes += 1;
        }
        assert_eq!((liveness.stuck(), minutes), (vec!["b"], 11));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_synced_before_the_last_watch_is() {
        let mut liveness = Liveness::default();
        let (first, second) = (liveness.add("a".to_owned()), liveness.add("b".to_owned()));
        first.synced();
        assert_eq!(liveness.missing().collect::<Vec<_>>(), ["b"]);
        let waiting = liveness.synced();
        tokio::pin!(waiting);
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        second.synced();
        waiting.await;
    }
}
