//! Remembers servers that failed, so that not every transaction waits for a dead one first.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::tls::Fingerprint;
use crate::doubling::doubled;

/// How long a server is suspected after its first failure; each further one doubles it.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);
/// The longest time that a server is suspected without being asked.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);
/// How long others hold back while one transaction finds out whether a server is there again.
const PROBE: Duration = Duration::from_mins(1);
/// Most servers that are remembered.
const MAX_SUSPECTS: usize = 4096;

/// The servers that failed when they were last asked.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<HashMap<Fingerprint, Suspicion>>);

#[derive(Debug)]
struct Suspicion {
    failures: u32,
    until: Instant,
}

impl Suspects {
    /// Whether others should be asked before this server. When its time is over, one caller is told to ask it, and the others hold back until
    /// that one knows more.
    pub(super) fn holds(&self, server: &Fingerprint, now: Instant) -> bool {
        let mut suspects = self.lock();
        let Some(suspicion) = suspects.get_mut(server) else { return false };
        if now < suspicion.until {
            return true;
        }
        suspicion.until = now + PROBE;
        false
    }

    /// Notes that a server failed. When too many are remembered, those whose time is long over are forgotten, or this one is not noted.
    pub(super) fn note(&self, server: Fingerprint, now: Instant) {
        let mut suspects = self.lock();
        if suspects.len() >= MAX_SUSPECTS {
            suspects.retain(|_, suspicion| now < suspicion.until);
        }
        if suspects.len() < MAX_SUSPECTS || suspects.contains_key(&server) {
            let suspicion = suspects.entry(server).or_insert(Suspicion { failures: 0, until: now });
            suspicion.failures = suspicion.failures.saturating_add(1);
            suspicion.until = now + doubled(FIRST_BACK_OFF, suspicion.failures - 1, LONGEST_BACK_OFF);
        }
    }

    /// Notes that a server answered.
    pub(super) fn clear(&self, server: &Fingerprint) {
        self.lock().remove(server);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fingerprint, Suspicion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Fingerprint = Fingerprint([1; 32]);
    const OTHER: Fingerprint = Fingerprint([2; 32]);

    #[test]
    fn a_server_that_failed_is_suspected_for_a_while_and_no_other_is() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        suspects.note(SERVER, now);
        assert!(suspects.holds(&SERVER, now + FIRST_BACK_OFF - Duration::from_millis(1)));
        assert!(!suspects.holds(&OTHER, now));
        assert!(!suspects.holds(&SERVER, now + FIRST_BACK_OFF));
    }

    #[test]
    fn when_its_time_is_over_one_asks_and_the_others_hold_back() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        suspects.note(SERVER, now);
        let later = now + FIRST_BACK_OFF;
        assert!(!suspects.holds(&SERVER, later));
        assert!(suspects.holds(&SERVER, later));
        assert!(!suspects.holds(&SERVER, later + PROBE), "the one that asked never came back");
    }

    #[test]
    fn each_failure_doubles_the_time_up_to_a_bound() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        for _ in 0..2 {
            suspects.note(SERVER, now);
        }
        assert!(suspects.holds(&SERVER, now + 2 * FIRST_BACK_OFF - Duration::from_millis(1)));
        for _ in 0..100 {
            suspects.note(SERVER, now);
        }
        assert!(suspects.holds(&SERVER, now + LONGEST_BACK_OFF - Duration::from_millis(1)));
        assert!(!suspects.holds(&SERVER, now + LONGEST_BACK_OFF));
    }

    #[test]
    fn a_server_that_answered_is_trusted_at_once() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        suspects.note(SERVER, now);
        suspects.clear(&SERVER);
        assert!(!suspects.holds(&SERVER, now));
    }

    #[test]
    fn only_so_many_are_remembered_and_old_ones_make_room() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        let server = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            Fingerprint(bytes)
        };
        for n in 0..=MAX_SUSPECTS {
            suspects.note(server(n), now);
        }
        assert!(!suspects.holds(&server(MAX_SUSPECTS), now));
        suspects.note(server(MAX_SUSPECTS), now + LONGEST_BACK_OFF);
        assert!(suspects.holds(&server(MAX_SUSPECTS), now + LONGEST_BACK_OFF));
    }
}
