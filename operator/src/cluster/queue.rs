//! What is to be reconciled, and when.
//!
//! A key is in the queue once, however often it is woken, and is never in work twice at once. It starts [`SETTLE`] after it was woken, so that
//! edits that come together are one reconcile; a key that is woken without end is held to one start in each [`SPACING`] after a burst. A key
//! that failed waits longer after each failure, with jitter, until it succeeds. What a person changed goes before what a sweep over everything
//! found, but for one start in [`SWEEP_EVERY`].

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::backoff::Backoff;

/// How long a key waits after it was woken: writes that come together are seen together.
pub const SETTLE: Duration = Duration::from_millis(20);
/// The mean time between two starts of a key that never comes to rest.
pub const SPACING: Duration = Duration::from_millis(200);
/// How many starts of a key at rest may come without that spacing.
pub const BURST: u32 = 5;
/// After a failure a change is tried again no sooner than so.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Waits after failures.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_mins(5) };
/// After so many starts the keys that came to rest are forgotten.
const FORGET_EVERY: u64 = 1024;
/// Of so many starts one is of a sweep when both kinds wait.
const SWEEP_EVERY: u64 = 4;

/// How urgent it is that a key is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Something changed.
    Change,
    /// Everything is looked at, as at the start.
    Sweep,
}

/// How a reconcile ended, as far as the queue cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do until something changes.
    Settled,
    /// It is looked at again after this time even if nothing changes.
    Again(Duration),
    /// It failed; it is tried again later and later.
    Failed,
}

/// What waits, for those who watch the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Keys that are due and have not started.
    pub due: usize,
    /// Keys in work.
    pub running: usize,
    /// Keys that wait after a failure.
    pub failing: usize,
    /// How long the oldest of the due keys is due.
    pub oldest: Duration,
}

/// A queue of keys.
#[derive(Debug)]
pub struct Queue<K> {
    state: Mutex<State<K>>,
    woken: Notify,
}

/// A key in work. Dropping it without [`Job::end`] counts as a failure, so that a reconcile that panicked is tried again.
#[derive(Debug)]
pub struct Job<K: Ord + Clone> {
    queue: Arc<Queue<K>>,
    key: K,
    outcome: Outcome,
}

impl<K: Ord + Clone> Job<K> {
    /// What to reconcile.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Gives the key back.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl<K: Ord + Clone> Drop for Job<K> {
    fn drop(&mut self) {
        self.queue.ended(&self.key, self.outcome);
    }
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self { state: Mutex::new(State::default()), woken: Notify::new() }
    }
}

impl<K: Ord + Clone> Queue<K> {
    /// Something about `key` changed.
    pub fn wake(&self, key: &K) {
        self.wake_as(key, Urgency::Change);
    }

    /// `key` is to be looked at.
    pub fn wake_as(&self, key: &K, urgency: Urgency) {
        self.lock().wake(key, urgency, Instant::now());
        self.woken.notify_one();
    }

    /// Waits for the next key that is due. Is to be called by one task at a time; it may be dropped and called again.
    pub async fn next(self: &Arc<Self>) -> Job<K> {
        loop {
            let now = Instant::now();
            let wait = match self.lock().start(now) {
                Next::Start(key) => return Job { queue: Arc::clone(self), key, outcome: Outcome::Failed },
                Next::At(at) => at,
                Next::Never => now + Duration::from_hours(1),
            };
            tokio::select! {
                () = self.woken.notified() => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// What waits now.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.lock().depth(Instant::now())
    }

    fn ended(&self, key: &K, outcome: Outcome) {
        self.lock().ended(key, outcome, Instant::now());
        self.woken.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Nothing that holds the lock can panic half-way; and if it did, a queue that goes on is better than one that ends.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next<K> {
    Start(K),
    At(Instant),
    Never,
}

#[derive(Debug)]
struct State<K> {
    entries: BTreeMap<K, Entry>,
    /// The keys that wait because something changed, by when they are due.
    changed: BTreeSet<(Instant, K)>,
    /// And those of a sweep.
    swept: BTreeSet<(Instant, K)>,
    starts: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    place: Place,
    failures: u32,
    /// Before this no change starts the key, because it failed just now.
    not_before: Instant,
    /// When the spacing of all starts so far is used up: the virtual time of a leaky bucket.
    spaced_until: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Neither waits nor runs.
    Idle,
    Waiting {
        urgency: Urgency,
        due: Instant,
    },
    Running {
        /// It was woken meanwhile.
        again: Option<Urgency>,
    },
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), changed: BTreeSet::new(), swept: BTreeSet::new(), starts: 0 }
    }
}

impl<K: Ord + Clone> State<K> {
    fn wake(&mut self, key: &K, urgency: Urgency, now: Instant) {
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(now));
        match entry.place {
            Place::Running { again } => {
                let again = again.map_or(urgency, |other| other.min(urgency));
                entry.place = Place::Running { again: Some(again) };
            }
            Place::Waiting { urgency: other, due } => {
                let (urgency, due) = (urgency.min(other), due.min(entry.soonest(now)));
                self.wait(key, urgency, due);
            }
            Place::Idle => {
                let due = entry.soonest(now);
                self.wait(key, urgency, due);
            }
        }
    }

    /// Puts the key where it waits, and nowhere else.
    fn wait(&mut self, key: &K, urgency: Urgency, due: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let before = mem::replace(&mut entry.place, Place::Waiting { urgency, due });
        if let Place::Waiting { urgency, due } = before {
            self.waiting(urgency).remove(&(due, key.clone()));
        }
        self.waiting(urgency).insert((due, key.clone()));
    }

    fn waiting(&mut self, urgency: Urgency) -> &mut BTreeSet<(Instant, K)> {
        match urgency {
            Urgency::Change => &mut self.changed,
            Urgency::Sweep => &mut self.swept,
        }
    }

    fn start(&mut self, now: Instant) -> Next<K> {
        let is_due = |waiting: &BTreeSet<(Instant, K)>| waiting.first().is_some_and(|(due, _)| *due <= now);
        let urgency = match (is_due(&self.changed), is_due(&self.swept)) {
            (true, true) if self.starts % SWEEP_EVERY == SWEEP_EVERY - 1 => Urgency::Sweep,
            (true, _) => Urgency::Change,
            (false, true) => Urgency::Sweep,
            (false, false) => {
                let firsts = self.changed.first().into_iter().chain(self.swept.first());
                return firsts.map(|(due, _)| *due).min().map_or(Next::Never, Next::At);
            }
        };
        let Some((_, key)) = self.waiting(urgency).pop_first() else { return Next::Never };
        self.starts += 1;
        if self.starts.is_multiple_of(FORGET_EVERY) {
            self.forget_rested(now);
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.place = Place::Running { again: None };
            entry.spaced_until = entry.spaced_until.max(now) + SPACING;
        }
        Next::Start(key)
    }

    fn ended(&mut self, key: &K, outcome: Outcome, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let Place::Running { again } = entry.place else { return };
        entry.place = Place::Idle;
        let planned = match outcome {
            Outcome::Settled => {
                entry.failures = 0;
                None
            }
            Outcome::Again(after) => {
                entry.failures = 0;
                Some(now + after)
            }
            Outcome::Failed => {
                entry.failures = entry.failures.saturating_add(1);
                entry.not_before = now + AFTER_FAILURE;
                Some(now + BACKOFF.wait(entry.failures))
            }
        };
        let woken = again.map(|urgency| (urgency, entry.soonest(now)));
        match (woken, planned) {
            (Some((urgency, due)), planned) => self.wait(key, urgency, planned.map_or(due, |planned| planned.min(due))),
            (None, Some(due)) => self.wait(key, Urgency::Change, due),
            (None, None) if entry.is_rested(now) => {
                self.entries.remove(key);
            }
            (None, None) => {}
        }
    }

    fn forget_rested(&mut self, now: Instant) {
        self.entries.retain(|_, entry| !matches!(entry.place, Place::Idle) || !entry.is_rested(now));
    }

    fn depth(&mut self, now: Instant) -> Depth {
        self.forget_rested(now);
        let mut depth = Depth::default();
        for entry in self.entries.values() {
            match entry.place {
                Place::Running { .. } => depth.running += 1,
                Place::Waiting { due, .. } if due <= now => {
                    depth.due += 1;
                    depth.oldest = depth.oldest.max(now - due);
                }
                Place::Idle | Place::Waiting { .. } => {}
            }
            depth.failing += usize::from(entry.failures > 0);
        }
        depth
    }
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self { place: Place::Idle, failures: 0, not_before: now, spaced_until: now }
    }

    /// When a key that is woken now may start.
    fn soonest(&self, now: Instant) -> Instant {
        let burst = SPACING * (BURST - 1);
        let spaced = self.spaced_until.checked_sub(burst).unwrap_or(now);
        (now + SETTLE).max(spaced).max(self.not_before)
    }

    /// Nothing is left to remember of it.
    fn is_rested(&self, now: Instant) -> bool {
        self.failures == 0 && self.spaced_until <= now && self.not_before <= now
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::time::{advance, sleep, timeout};

    use super::*;

    type Keys = Queue<&'static str>;

    async fn starts_within(queue: &Arc<Keys>, time: Duration) -> Option<Job<&'static str>> {
        timeout(time, queue.next()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_woken_together_starts_once_and_soon() {
        let queue = Arc::new(Keys::default());
        let woken = Instant::now();
        for _ in 0..100 {
            queue.wake(&"a");
        }
        queue.next().await.end(Outcome::Settled);
        assert_eq!(woken.elapsed(), SETTLE);
        assert!(starts_within(&queue, Duration::from_hours(1)).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_in_work_waits_for_its_end() {
        let queue = Arc::new(Keys::default());
        queue.wake(&"a");
        let first = queue.next().await;
        queue.wake(&"a");
        queue.wake(&"b");
        let second = queue.next().await;
        assert_eq!(*second.key(), "b");
        assert!(starts_within(&queue, Duration::from_mins(1)).await.is_none());
        first.end(Outcome::Settled);
        assert_eq!(starts_within(&queue, Duration::from_secs(1)).await.map(|job| *job.key()), Some("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn two_hundred_edits_in_ten_seconds_are_few_starts_and_the_last_is_seen() {
        let queue = Arc::new(Keys::default());
        let editor = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move {
                let mut last = Instant::now();
                for _ in 0..200 {
                    (last, ()) = (Instant::now(), queue.wake(&"a"));
                    sleep(Duration::from_millis(50)).await;
                }
                last
            }
        });
        let (mut starts, mut last_start) = (0, Instant::now());
        while let Some(job) = starts_within(&queue, Duration::from_secs(5)).await {
            (starts, last_start) = (starts + 1, Instant::now());
            job.end(Outcome::Settled);
        }
        let last_edit = editor.await.unwrap();
        assert!(last_start > last_edit, "the last edit was seen");
        assert!(last_start - last_edit <= SPACING + SETTLE);
        assert!(starts <= 10_000 / 200 + BURST + 1, "{starts}");
    }

    #[tokio::test(start_paused = true)]
    async fn edits_with_rests_between_them_start_at_once() {
        let queue = Arc::new(Keys::default());
        for _ in 0..20 {
            let woken = Instant::now();
            queue.wake(&"a");
            queue.next().await.end(Outcome::Settled);
            assert_eq!(woken.elapsed(), SETTLE);
            advance(SPACING).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_waits_longer_each_time_and_forgets_when_it_succeeds() {
        let queue = Arc::new(Keys::default());
        queue.wake(&"a");
        for _ in 0..10 {
            queue.next().await.end(Outcome::Failed);
        }
        queue.next().await.end(Outcome::Settled);

        queue.wake(&"a");
        let mut waits = Vec::new();
        queue.next().await.end(Outcome::Failed);
        for _ in 0..12 {
            let failed = Instant::now();
            queue.next().await.end(Outcome::Failed);
            waits.push(failed.elapsed());
        }
        for (nth, wait) in waits.iter().enumerate() {
            let most = Duration::from_millis(500 << nth).min(Duration::from_mins(5));
            assert!(*wait >= most / 2 && *wait <= most + Duration::from_millis(2), "{nth}: {wait:?} of {most:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_ends_the_wait_of_what_fails_but_not_at_once() {
        let queue = Arc::new(Keys::default());
        queue.wake(&"a");
        for _ in 0..10 {
            queue.next().await.end(Outcome::Failed);
        }
        let failed = Instant::now();
        queue.wake(&"a");
        queue.next().await.end(Outcome::Settled);
        assert_eq!(failed.elapsed(), AFTER_FAILURE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_asks_for_another_look_gets_it_then_and_a_change_comes_before() {
        let queue = Arc::new(Keys::default());
        queue.wake(&"a");
        queue.next().await.end(Outcome::Again(Duration::from_hours(1)));
        let asked = Instant::now();
        queue.wake(&"a");
        queue.next().await.end(Outcome::Again(Duration::from_hours(1)));
        assert_eq!(asked.elapsed(), SETTLE);
        drop(queue.next().await);
        assert_eq!(asked.elapsed(), SETTLE + Duration::from_hours(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_dropped_has_failed() {
        let queue = Arc::new(Keys::default());
        queue.wake(&"a");
        drop(queue.next().await);
        assert_eq!(queue.depth().failing, 1);
        assert!(starts_within(&queue, Duration::from_secs(1)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_goes_before_a_sweep_and_does_not_stop_it() {
        let queue = Arc::new(Queue::<u32>::default());
        for key in 0..100 {
            queue.wake_as(&key, Urgency::Sweep);
        }
        advance(Duration::from_secs(1)).await;
        for key in 1000..1100 {
            queue.wake(&key);
        }
        advance(Duration::from_secs(1)).await;
        let mut order = Vec::new();
        for _ in 0..200 {
            let job = queue.next().await;
            order.push(*job.key());
            job.end(Outcome::Settled);
        }
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 200, "each starts once");
        let changes_in_first = order[..100].iter().filter(|key| **key >= 1000).count();
        assert_eq!(changes_in_first, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_what_came_to_rest() {
        let queue = Arc::new(Queue::<u32>::default());
        for key in 0..50 {
            queue.wake(&key);
            queue.next().await.end(Outcome::Settled);
        }
        advance(SPACING).await;
        assert_eq!(queue.depth(), Depth::default());
        assert!(queue.lock().entries.is_empty());
    }

    /// Random wakes, ends and times, against what must hold at any time.
    #[tokio::test(start_paused = true)]
    async fn no_order_of_events_loses_a_wake_or_doubles_work() {
        use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
        for seed in 0..200 {
            let mut random = SmallRng::seed_from_u64(seed);
            let queue = Arc::new(Queue::<u32>::default());
            let mut running: Vec<Job<u32>> = Vec::new();
            let mut owed = BTreeSet::new();
            for _ in 0..300 {
                match random.random_range(0..4) {
                    0 => {
                        let key = random.random_range(0..6);
                        queue.wake_as(&key, if random.random() { Urgency::Change } else { Urgency::Sweep });
                        owed.insert(key);
                    }
                    1 => advance(Duration::from_millis(random.random_range(0..400))).await,
                    2 => {
                        if let Ok(job) = timeout(Duration::from_millis(1), queue.next()).await {
                            assert!(running.iter().all(|other| other.key() != job.key()), "seed {seed}: twice in work");
                            owed.remove(job.key());
                            running.push(job);
                        }
                    }
                    _ if !running.is_empty() => {
                        let job = running.swap_remove(random.random_range(0..running.len()));
                        job.end([Outcome::Settled, Outcome::Failed, Outcome::Again(Duration::from_secs(9))][random.random_range(0..3)]);
                    }
                    _ => {}
                }
            }
            for job in running.drain(..) {
                job.end(Outcome::Settled);
            }
            while !owed.is_empty() {
                let job = timeout(Duration::from_mins(10), queue.next()).await.unwrap_or_else(|_| panic!("seed {seed}: {owed:?} are lost"));
                owed.remove(job.key());
                job.end(Outcome::Settled);
            }
        }
    }
}
