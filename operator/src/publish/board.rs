//! What relays made of the domains that name them: written by the reconcile of a relay, read by those of its domains, so that ten thousand domains
//! of a relay are not judged ten thousand times each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    inventory::Key,
    validate::{DomainState, Findings},
};

/// What a relay made of the domains that name it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// What became of each domain.
    pub domains: BTreeMap<Key, Outcome>,
    /// Every ready pod runs the newest configuration.
    pub is_programmed: bool,
    /// A pod is ready.
    pub is_ready: bool,
}

/// What became of a domain.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The generation of the domain that this is about.
    pub generation: Option<i64>,
    /// What became of it.
    pub state: DomainState,
}

impl Verdict {
    /// What was found of a relay's domains, and what the relay shows.
    #[must_use]
    pub fn new(findings: &Findings<'_>, is_programmed: bool, is_ready: bool) -> Self {
        let domains = findings.domains.iter().map(|found| {
            let metadata = &found.domain.metadata;
            (Key::of(metadata), Outcome { generation: metadata.generation, state: found.state.clone() })
        });
        Self { domains: domains.collect(), is_programmed, is_ready }
    }
}

/// The verdicts of all relays.
#[derive(Debug, Default)]
pub struct Board(Mutex<HashMap<Key, Arc<Verdict>>>);

impl Board {
    /// The verdict of a relay, once there is one.
    #[must_use]
    pub fn of(&self, relay: &Key) -> Option<Arc<Verdict>> {
        self.lock().get(relay).cloned()
    }

    /// Puts up the verdict of a relay. Returns the domains that it changes something for.
    #[must_use]
    pub fn post(&self, relay: &Key, verdict: Verdict) -> Vec<Key> {
        let verdict = Arc::new(verdict);
        let Some(before) = self.lock().insert(relay.clone(), Arc::clone(&verdict)) else {
            return verdict.domains.keys().cloned().collect();
        };
        let concerns_all = (before.is_programmed, before.is_ready) != (verdict.is_programmed, verdict.is_ready);
        let is_new = |(domain, outcome): &(&Key, &Outcome)| concerns_all || before.domains.get(*domain) != Some(*outcome);
        let gone = before.domains.keys().filter(|domain| !verdict.domains.contains_key(*domain));
        verdict.domains.iter().filter(is_new).map(|(domain, _)| domain).chain(gone).cloned().collect()
    }

    /// The relay is gone. Returns the domains that it had a verdict on.
    #[must_use]
    pub fn remove(&self, relay: &Key) -> Vec<Key> {
        let before = self.lock().remove(relay);
        before.map(|verdict| verdict.domains.keys().cloned().collect()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Verdict>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new("mail", name)
    }

    fn verdict(domains: &[&str]) -> Verdict {
        let domains = domains.iter().map(|domain| (key(domain), Outcome { generation: Some(1), state: DomainState::Served })).collect();
        Verdict { domains, ..Verdict::default() }
    }

    #[test]
    fn only_domains_whose_outcome_changed_are_looked_at_again() {
        let (board, relay) = (Board::default(), key("edge"));
        assert_eq!(board.post(&relay, verdict(&["a", "b"])), [key("a"), key("b")]);
        assert_eq!(board.post(&relay, verdict(&["a", "b"])), []);
        assert_eq!(board.post(&relay, verdict(&["b", "c"])), [key("c"), key("a")]);
        assert_eq!(board.post(&relay, Verdict { is_ready: true, ..verdict(&["b", "c"]) }), [key("b"), key("c")]);
        assert_eq!(board.remove(&relay), [key("b"), key("c")]);
        assert_eq!(board.of(&relay), None);
    }
}
