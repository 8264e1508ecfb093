//! How often something may be done.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

const MINUTE: Duration = Duration::from_mins(1);
/// The most that are remembered, some 2 MiB of clients' keys.
const MOST_KEYS: usize = 65_536;
/// Below so many, forgetting is not worth the time.
const FEW_KEYS: usize = 1024;
/// A full table is searched for what may be forgotten no more often than this.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// Counts what clients or users do, by the generic cell rate algorithm: each may do all that a minute allows at once, and then go on at that
/// rate. The limit is given at each call, so that a new configuration counts at once and nobody's past is forgotten.
pub(crate) struct Rates<K> {
    /// When each one's allowance is whole again.
    whole_at: HashMap<K, Instant>,
    /// At so many, those whose allowance is whole are forgotten.
    sweep_at: usize,
    swept: Option<Instant>,
}

impl<K> Default for Rates<K> {
    fn default() -> Self {
        Self { whole_at: HashMap::new(), sweep_at: FEW_KEYS, swept: None }
    }
}

impl<K: Eq + Hash> Rates<K> {
    /// Whether `who` may do it once more; if so, it is counted.
    pub(crate) fn take(&mut self, who: K, per_minute: u32, now: Instant) -> bool {
        let cost = MINUTE / per_minute.max(1);
        let whole_at = self.whole_at.get(&who).map_or(now, |&at| at.max(now));
        if whole_at + cost > now + MINUTE {
            return false;
        }
        self.note(who, whole_at + cost, now);
        true
    }

    /// A new one that finds the table full is not remembered: the limit keeps them from starving each other, and must not be a way to
    /// lock all others out.
    fn note(&mut self, who: K, whole_at: Instant, now: Instant) {
        if self.whole_at.len() >= self.sweep_at {
            self.sweep(now);
        }
        if self.whole_at.len() < MOST_KEYS || self.whole_at.contains_key(&who) {
            self.whole_at.insert(who, whole_at);
        }
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.duration_since(swept) < BETWEEN_SWEEPS) {
            return;
        }
        self.whole_at.retain(|_, &mut whole_at| whole_at > now);
        self.sweep_at = (2 * self.whole_at.len()).clamp(FEW_KEYS, MOST_KEYS);
        self.swept = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;
    use crate::listen::ClientKey;

    fn client(number: u64) -> ClientKey {
        ClientKey::from(IpAddr::V6(Ipv6Addr::from_bits(u128::from(number) << 64)))
    }

    #[test]
    fn a_client_may_spend_its_minute_at_once_and_then_goes_on_at_its_rate() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let taken = (0..10).filter(|_| rates.take(client(1), 6, start)).count();
        assert_eq!(taken, 6);
        assert!(!rates.take(client(1), 6, start + Duration::from_secs(9)));
        assert!(rates.take(client(1), 6, start + Duration::from_secs(10)));
        assert!(!rates.take(client(1), 6, start + Duration::from_secs(10)));
    }

    #[test]
    fn one_client_does_not_spend_what_is_anothers() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        assert!(rates.take(client(1), 1, now));
        assert!(!rates.take(client(1), 1, now));
        assert!(rates.take(client(2), 1, now));
    }

    #[test]
    fn the_table_is_bounded_and_a_full_one_locks_nobody_out() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let all = u64::try_from(MOST_KEYS).unwrap() + 1000;
        assert!((0..all).all(|number| rates.take(client(number), 1, now)));
        assert_eq!(rates.whole_at.len(), MOST_KEYS);
        assert!(!rates.take(client(0), 1, now), "who was counted before is still counted");
    }

    #[test]
    fn clients_whose_allowance_is_whole_again_are_forgotten() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        (0..5000).for_each(|number| assert!(rates.take(client(number), 1, now)));
        let later = now + MINUTE + BETWEEN_SWEEPS;
        (5000..20_000).for_each(|number| assert!(rates.take(client(number), 1, later)));
        assert!(rates.whole_at.len() <= 15_000, "{}", rates.whole_at.len());
    }
}
