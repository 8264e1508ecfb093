//! Credentials that were found to be right a moment ago.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{account::Credential, scram::hmac};

/// How long a credential counts without being hashed again.
const LIFETIME: Duration = Duration::from_mins(1);
/// Credentials that are remembered, some 1 MiB.
const MOST: usize = 8192;

/// Remembers credentials by a keyed hash of name, password and what it is held against: a changed hash in a user's Secret makes another
/// credential.
pub(super) struct Cache {
    /// Random, and nowhere else.
    key: [u8; 32],
    verified: Mutex<Verified>,
}

/// A credential as it is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Seal([u8; 32]);

#[derive(Default)]
struct Verified {
    seals: HashSet<Seal>,
    /// All of them, the one that ends first in front.
    ends: VecDeque<(Instant, Seal)>,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self { key: rand::random(), verified: Mutex::default() }
    }

    /// The seal of a credential. The length of the name tells where the password begins.
    pub(super) fn seal(&self, name: &str, password: &str, credential: &Credential) -> Seal {
        let length = name.len().to_be_bytes();
        Seal(hmac(&self.key, &[&credential.fingerprint, &length, name.as_bytes(), password.as_bytes()]))
    }

    pub(super) fn contains(&self, seal: &Seal) -> bool {
        let mut verified = self.lock();
        verified.forget(Instant::now());
        verified.seals.contains(seal)
    }

    /// Remembers a credential that was verified; one that is remembered already ends no later for that.
    pub(super) fn insert(&self, seal: Seal) {
        let (mut verified, now) = (self.lock(), Instant::now());
        verified.forget(now);
        if verified.seals.len() >= MOST {
            verified.pop();
        }
        if verified.seals.insert(seal) {
            verified.ends.push_back((now + LIFETIME, seal));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Verified {
    fn forget(&mut self, now: Instant) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some((_, seal)) = self.ends.pop_front() {
            self.seals.remove(&seal);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    const OTHER: &str = "$2b$05$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

    #[tokio::test(start_paused = true)]
    async fn a_credential_is_remembered_for_a_minute_and_no_longer_for_being_used() {
        let cache = Cache::new();
        let credential = Credential::parse(HASH).unwrap();
        let seal = cache.seal("app", "secret", &credential);
        assert!(!cache.contains(&seal));
        cache.insert(seal);
        advance(LIFETIME / 2).await;
        cache.insert(seal);
        assert!(cache.contains(&seal));
        advance(LIFETIME / 2).await;
        assert!(!cache.contains(&seal));
        assert!(cache.lock().ends.is_empty());
    }

    #[test]
    fn another_name_password_or_hash_is_another_credential() {
        let cache = Cache::new();
        let [credential, other] = [HASH, OTHER].map(|hash| Credential::parse(hash).unwrap());
        let seal = cache.seal("app", "secret", &credential);
        assert!(seal == cache.seal("app", "secret", &credential));
        let others = [
            cache.seal("app", "secret", &other),
            cache.seal("apps", "ecret", &credential),
            cache.seal("app", "secre", &credential),
            Cache::new().seal("app", "secret", &credential),
        ];
        assert!(others.iter().all(|other| *other != seal));
    }

    #[tokio::test(start_paused = true)]
    async fn the_cache_is_bounded_and_forgets_the_oldest_first() {
        let cache = Cache::new();
        let credential = Credential::parse(HASH).unwrap();
        let seal = |number: usize| cache.seal(&number.to_string(), "secret", &credential);
        (0..=MOST).for_each(|number| cache.insert(seal(number)));
        assert_eq!(cache.lock().seals.len(), MOST);
        assert!(!cache.contains(&seal(0)));
        assert!(cache.contains(&seal(1)) && cache.contains(&seal(MOST)));
    }
}
