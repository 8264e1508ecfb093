//! Slows whoever fails to authenticate.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{client::Party, scram::hmac};
use crate::{doubling::doubled, listen::ClientKey};

/// How long a failure is held against a client and a user.
const WINDOW: Duration = Duration::from_mins(10);
/// A client that failed so often within the window is not heard.
const MOST_FAILURES: usize = 20;
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(30);
/// Clients, and users, that are remembered: below 10 MiB each.
const MOST_KEYS: usize = 8192;

/// The client failed too often.
#[derive(Debug)]
pub(super) struct Slowed;

/// Remembers failures by client and by user. Names are remembered as keyed hashes, since many are none, and some are passwords.
pub(super) struct Slowness {
    key: [u8; 32],
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    failures_of_clients: Table<ClientKey, Name>,
    failures_of_users: Table<Name, Party>,
    /// Users who were let in, and from where: what others fail as them does not slow them there, or anyone could lock them out.
    successes: Table<(ClientKey, Name), ()>,
}

/// Keyed hash of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name([u8; 32]);

impl Slowness {
    pub(super) fn new() -> Self {
        Self { key: rand::random(), memory: Mutex::default() }
    }

    /// Waits before a claim is judged, right or wrong: nothing, then 1, 2, 4 … seconds up to 30, by the failures of the client or of the user,
    /// whichever has more. Those of the user don't count where it was let in within the window.
    pub(super) async fn begin(&self, party: Party, name: &str) -> Result<Attempt<'_>, Slowed> {
        let mut attempt = Attempt { slowness: self, party, name: Name(hmac(&self.key, &[name.as_bytes()])), is_settled: true };
        sleep(attempt.delay()?).await;
        // Others of the client may have failed meanwhile.
        attempt.delay()?;
        attempt.is_settled = false;
        Ok(attempt)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claim that is being judged. One that is dropped without a verdict has failed: else a client could hang up to spare itself the count.
pub(super) struct Attempt<'a> {
    slowness: &'a Slowness,
    party: Party,
    name: Name,
    is_settled: bool,
}

impl Attempt<'_> {
    fn delay(&self) -> Result<Duration, Slowed> {
        let (mut memory, now) = (self.slowness.lock(), Instant::now());
        let (of_client, is_known) = match self.party {
            Party::Own(client) => (memory.failures_of_clients.count(&client, now), memory.successes.count(&(client, self.name), now) > 0),
            Party::Shared => (0, false),
        };
        if of_client >= MOST_FAILURES {
            return Err(Slowed);
        }
        let of_user = if is_known { 0 } else { memory.failures_of_users.count(&self.name, now) };
        Ok(delay(of_client.max(of_user)))
    }

    /// The client is the user: its failures to be so are forgotten; those that others had are not, nor those that it had as others.
    pub(super) fn succeed(mut self) {
        self.is_settled = true;
        let (mut memory, now) = (self.slowness.lock(), Instant::now());
        if let Party::Own(client) = self.party {
            memory.failures_of_clients.forget(&client, &self.name);
            memory.successes.note((client, self.name), (), now);
        }
        memory.failures_of_users.forget(&self.name, &self.party);
    }

    /// The claim was not judged, by no fault of the client's.
    pub(super) fn excuse(mut self) {
        self.is_settled = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            let (mut memory, now) = (self.slowness.lock(), Instant::now());
            if let Party::Own(client) = self.party {
                memory.failures_of_clients.note(client, self.name, now);
            }
            memory.failures_of_users.note(self.name, self.party, now);
        }
    }
}

fn delay(failures: usize) -> Duration {
    let doublings = failures.checked_sub(1).map(|doublings| u32::try_from(doublings).unwrap_or(u32::MAX));
    doublings.map_or(Duration::ZERO, |doublings| doubled(Duration::from_secs(1), doublings, LONGEST))
}

/// The last failures or successes of each key, with what else is to be known of each. Bounded: a full table takes no new key until an old one is forgotten,
/// so that many strangers can't make it forget one.
struct Table<K, V> {
    rows: HashMap<K, VecDeque<(Instant, V)>>,
    swept: Option<Instant>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), swept: None }
    }
}

impl<K: Eq + Hash, V: PartialEq> Table<K, V> {
    /// How many a key has within the window, at most [`MOST_FAILURES`].
    fn count(&mut self, key: &K, now: Instant) -> usize {
        let Some(row) = self.rows.get_mut(key) else { return 0 };
        row.retain(|(at, _)| *at + WINDOW > now);
        let count = row.len();
        if count == 0 {
            self.rows.remove(key);
        }
        count
    }

    fn note(&mut self, key: K, value: V, now: Instant) {
        if self.rows.len() >= MOST_KEYS {
            self.sweep(now);
        }
        if self.rows.len() < MOST_KEYS || self.rows.contains_key(&key) {
            let row = self.rows.entry(key).or_default();
            if row.len() >= MOST_FAILURES {
                row.pop_front();
            }
            row.push_back((now, value));
        }
    }

    fn forget(&mut self, key: &K, value: &V) {
        let Some(row) = self.rows.get_mut(key) else { return };
        row.retain(|(_, other)| other != value);
        if row.is_empty() {
            self.rows.remove(key);
        }
    }

    /// Searching a full table is work, so it is not done for every stranger.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| swept + Duration::from_secs(1) <= now) {
            self.rows.retain(|_, row| row.back().is_some_and(|(at, _)| *at + WINDOW > now));
            self.swept = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::time::advance;

    use super::*;

    fn client(number: u32) -> Party {
        Party::Own(IpAddr::V4(Ipv4Addr::from_bits(number)).into())
    }

    /// How long the attempt had to wait.
    async fn waited(slowness: &Slowness, party: Party, name: &str) -> Result<u64, Slowed> {
        let begun = Instant::now();
        slowness.begin(party, name).await?.excuse();
        Ok(begun.elapsed().as_secs())
    }

    async fn fail(slowness: &Slowness, party: Party, name: &str) {
        drop(slowness.begin(party, name).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_doubles_the_wait_up_to_a_bound() {
        let slowness = Slowness::new();
        for expected in [0, 1, 2, 4, 8, 16, 30, 30] {
            assert_eq!(waited(&slowness, client(1), "alice").await.unwrap(), expected);
            fail(&slowness, client(1), "alice").await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_slowed_for_all_names_and_a_user_for_all_clients() {
        let slowness = Slowness::new();
        fail(&slowness, client(1), "alice").await;
        fail(&slowness, client(1), "alice").await;
        assert_eq!(waited(&slowness, client(1), "bob").await.unwrap(), 2);
        assert_eq!(waited(&slowness, client(2), "alice").await.unwrap(), 2);
        assert_eq!(waited(&slowness, client(2), "bob").await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_clears_what_the_client_failed_as_that_user_and_nothing_else() {
        let slowness = Slowness::new();
        fail(&slowness, client(1), "alice").await;
        fail(&slowness, client(1), "bob").await;
        fail(&slowness, client(2), "alice").await;
        slowness.begin(client(1), "alice").await.unwrap().succeed();
        assert_eq!(waited(&slowness, client(1), "carol").await.unwrap(), 1, "it failed as bob");
        assert_eq!(waited(&slowness, client(3), "alice").await.unwrap(), 1, "another failed as alice");
    }

    #[tokio::test(start_paused = true)]
    async fn where_a_user_was_let_in_what_others_fail_does_not_slow_it() {
        let slowness = Slowness::new();
        slowness.begin(client(1), "alice").await.unwrap().succeed();
        slowness.begin(Party::Shared, "alice").await.unwrap().succeed();
        for number in 2..8 {
            fail(&slowness, client(number), "alice").await;
        }
        assert_eq!(waited(&slowness, client(1), "alice").await.unwrap(), 0);
        assert_eq!(waited(&slowness, Party::Shared, "alice").await.unwrap(), 30, "anyone may come with that address");
        fail(&slowness, client(1), "alice").await;
        assert_eq!(waited(&slowness, client(1), "alice").await.unwrap(), 1, "what it fails itself does");
        advance(WINDOW).await;
        fail(&slowness, client(9), "alice").await;
        assert_eq!(waited(&slowness, client(1), "alice").await.unwrap(), 1, "it was let in too long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_fails_too_often_is_not_heard_until_the_window_is_over() {
        let slowness = Slowness::new();
        for number in 0..MOST_FAILURES {
            slowness.lock().failures_of_clients.note(
                IpAddr::V4(Ipv4Addr::from_bits(1)).into(),
                Name([u8::try_from(number).unwrap(); 32]),
                Instant::now(),
            );
        }
        let begun = Instant::now();
        assert!(slowness.begin(client(1), "alice").await.is_err());
        assert_eq!(begun.elapsed(), Duration::ZERO, "at once");
        assert!(slowness.begin(client(2), "alice").await.is_ok());
        advance(WINDOW).await;
        assert_eq!(waited(&slowness, client(1), "alice").await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn clients_with_shared_addresses_are_slowed_by_user_alone() {
        let slowness = Slowness::new();
        for number in 0..2 * MOST_FAILURES {
            fail(&slowness, Party::Shared, &number.to_string()).await;
        }
        assert_eq!(waited(&slowness, Party::Shared, "alice").await.unwrap(), 0);
        assert_eq!(waited(&slowness, Party::Shared, "1").await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn tables_are_bounded_and_forget() {
        let slowness = Slowness::new();
        let most = u32::try_from(MOST_KEYS).unwrap();
        for number in 0..most + 10 {
            fail(&slowness, client(number), &number.to_string()).await;
        }
        assert_eq!(slowness.lock().failures_of_clients.rows.len(), MOST_KEYS);
        assert_eq!(slowness.lock().failures_of_users.rows.len(), MOST_KEYS);
        advance(WINDOW).await;
        fail(&slowness, client(most + 11), "late").await;
        assert_eq!(slowness.lock().failures_of_clients.rows.len(), 1);
    }
}
