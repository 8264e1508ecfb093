//! How far the pods of a relay are replaced, and how many relays may be at it for the operator's own sake.
//!
//! When the operator is upgraded, the pods of every relay are replaced: it brings a new image. Were they all replaced at once, a bad image would
//! meet all of them, and every next hop would see all its connections end. So only a few relays begin at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::inventory::Key;

/// How many relays may be at it, however few there are.
const AT_LEAST: usize = 3;
/// And of how many relays one, where there are many.
const ONE_OF: usize = 20;
/// After this time a relay that is not done leaves its place to another: it keeps its old pods, and may have troubles of its own.
const PATIENCE: Duration = Duration::from_mins(15);

/// How far a workload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollout {
    /// The controller has seen the newest template, and every pod is of it and ready.
    pub is_complete: bool,
    /// Pods of an older template are left, or nobody knows yet.
    pub has_old_pods: bool,
}

/// Reads how far a workload is, from its generation and its status as JSON.
#[must_use]
pub fn rollout(generation: Option<i64>, wanted: i64, status: &Value) -> Rollout {
    let number = |field: &str| status[field].as_i64().unwrap_or_default();
    let is_seen = generation.is_some_and(|generation| number("observedGeneration") >= generation);
    let has_old_pods = !is_seen || number("updatedReplicas") < number("replicas");
    let is_complete = is_seen && !has_old_pods && number("updatedReplicas") >= wanted && number("readyReplicas") >= wanted;
    Rollout { is_complete, has_old_pods }
}

/// Relays whose pods are being replaced, and those that wait for their turn; and whose sake it is for.
#[derive(Debug, Default)]
pub struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    begun: BTreeMap<Key, Instant>,
    waiting: BTreeSet<Key>,
    /// The generation of each relay that its workload is of.
    settled: BTreeMap<Key, i64>,
}

impl Turns {
    /// Whether `relay`, which is of this generation, may begin, of `relays` in all. Else it is woken by [`Turns::end`] of another. One that somebody
    /// changed begins at once, and counts: it may bring the new image along.
    pub fn may_begin(&self, relay: &Key, generation: Option<i64>, relays: usize, now: Instant) -> bool {
        let mut state = self.lock();
        let is_asked_for = state.settled.get(relay).copied() != generation;
        state.begun.retain(|_, since| now.duration_since(*since) < PATIENCE);
        if is_asked_for || state.begun.contains_key(relay) || state.begun.len() < AT_LEAST.max(relays / ONE_OF) {
            state.waiting.remove(relay);
            state.begun.entry(relay.clone()).or_insert(now);
            true
        } else {
            state.waiting.insert(relay.clone());
            false
        }
    }

    /// `relay` shows this generation in its status: unless more is known, its workload is taken to be of that.
    pub fn observed(&self, relay: &Key, generation: Option<i64>) {
        if let Some(generation) = generation {
            self.lock().settled.entry(relay.clone()).or_insert(generation);
        }
    }

    /// The workload of `relay` is of this generation.
    pub fn settled(&self, relay: &Key, generation: Option<i64>) {
        if let Some(generation) = generation {
            self.lock().settled.insert(relay.clone(), generation);
        }
    }

    /// `relay` is at it, as is seen from its workload.
    pub fn is_at_it(&self, relay: &Key, now: Instant) {
        self.lock().begun.entry(relay.clone()).or_insert(now);
    }

    /// `relay` is gone. Returns who may try now.
    #[must_use]
    pub fn forget(&self, relay: &Key) -> Vec<Key> {
        self.lock().settled.remove(relay);
        self.end(relay)
    }

    /// `relay` is done. Returns who may try now.
    #[must_use]
    pub fn end(&self, relay: &Key) -> Vec<Key> {
        let mut state = self.lock();
        state.waiting.remove(relay);
        match state.begun.remove(relay) {
            Some(_) => state.waiting.pop_first().into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(name: usize) -> Key {
        Key::new("mail", &format!("relay-{name}"))
    }

    /// Whether a relay may begin whose workload is of its generation: what is new comes from the operator.
    fn own(turns: &Turns, relay: usize, relays: usize, now: Instant) -> bool {
        turns.observed(&key(relay), Some(1));
        turns.may_begin(&key(relay), Some(1), relays, now)
    }

    /// And one that somebody changed since.
    fn asked(turns: &Turns, relay: usize, relays: usize, now: Instant) -> bool {
        turns.observed(&key(relay), Some(1));
        turns.may_begin(&key(relay), Some(2), relays, now)
    }

    #[test]
    fn a_deployment_is_done_when_every_pod_is_new_and_ready() {
        let status = |observed: i64, replicas: i64, updated: i64, ready: i64| json!({"observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": ready});
        let at = |status: Value| rollout(Some(3), 2, &status);
        assert!(at(status(3, 2, 2, 2)).is_complete);
        assert_eq!(at(status(2, 2, 2, 2)), Rollout { is_complete: false, has_old_pods: true });
        assert_eq!(at(status(3, 3, 2, 3)), Rollout { is_complete: false, has_old_pods: true });
        assert_eq!(at(status(3, 2, 2, 1)), Rollout { is_complete: false, has_old_pods: false });
        assert_eq!(at(Value::Null), Rollout { is_complete: false, has_old_pods: true });
        assert!(rollout(Some(1), 0, &json!({"observedGeneration": 1})).is_complete);
    }

    #[tokio::test]
    async fn a_bounded_number_begins_and_the_next_follows_when_one_is_done() {
        let (turns, now) = (Turns::default(), Instant::now());
        let begun: Vec<_> = (0..6).filter(|relay| own(&turns, *relay, 6, now)).collect();
        assert_eq!(begun, [0, 1, 2]);
        assert!(own(&turns, 1, 6, now), "one that has begun goes on");
        assert_eq!(turns.end(&key(1)), [key(3)]);
        assert!(own(&turns, 3, 6, now));
        assert!(!own(&turns, 4, 6, now));
        assert_eq!(turns.end(&key(1)), [], "it is done once");
    }

    #[tokio::test]
    async fn a_relay_that_somebody_changed_begins_at_once_and_counts() {
        let (turns, now) = (Turns::default(), Instant::now());
        assert!((0..3).all(|relay| asked(&turns, relay, 6, now)));
        assert!(!own(&turns, 3, 6, now), "as many as may be are at it");
        assert!(asked(&turns, 4, 6, now));
        assert_eq!(turns.end(&key(0)), [key(3)]);
        assert!(!own(&turns, 3, 6, now), "there are three still");
    }

    #[tokio::test]
    async fn what_somebody_asked_for_stays_asked_for_until_it_is_done() {
        let (turns, now) = (Turns::default(), Instant::now());
        assert!((0..3).all(|relay| own(&turns, relay, 6, now)));
        assert!(asked(&turns, 3, 6, now));
        // The write failed, and the status shows the generation all the same.
        turns.observed(&key(3), Some(2));
        assert_eq!(turns.end(&key(3)), []);
        assert!(turns.may_begin(&key(3), Some(2), 6, now));
        turns.settled(&key(3), Some(2));
        assert_eq!(turns.end(&key(3)), []);
        assert!(!turns.may_begin(&key(3), Some(2), 6, now), "what is new now is the operator's own");
    }

    #[tokio::test]
    async fn of_many_relays_one_in_twenty_may_be_at_it() {
        let (turns, now) = (Turns::default(), Instant::now());
        assert_eq!((0..1000).filter(|relay| own(&turns, *relay, 1000, now)).count(), 50);
    }

    #[tokio::test]
    async fn a_relay_with_troubles_of_its_own_does_not_hold_the_others_for_ever() {
        let (turns, now) = (Turns::default(), Instant::now());
        for relay in 0..3 {
            assert!(own(&turns, relay, 3, now));
        }
        assert!(!own(&turns, 3, 3, now + PATIENCE / 2));
        assert!(own(&turns, 3, 3, now + PATIENCE));
    }
}
