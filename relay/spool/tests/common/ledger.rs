//! Clients that do all that can be done, and a ledger of what they were told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use postern_spool::{Claim, MessageId, Reach, Spool, SpoolError};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use super::mail::{LEASE, attempts, content, entry, names, noon, put, read, set_attempts};

/// What clients were told, message by message.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<MessageId, Account>>>);

/// What is known of a message.
#[derive(Clone, Debug, Default)]
struct Account {
    len: usize,
    added: Told,
    removed: Told,
    /// The highest number of attempts that was said to be stored, and the highest that was asked for.
    attempts: (u32, u32),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    #[default]
    NotAsked,
    /// Asked for, and no answer, or an error: it may be so or not.
    Nothing,
    Done,
}

/// What an audit found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Messages that were said to be safe, and are there.
    pub kept: usize,
    /// Messages that are there though nobody was told that they are: their senders may send them again.
    pub unannounced: usize,
    /// Messages that are there though somebody tried to take them out: they may be delivered again.
    pub undead: usize,
}

impl Ledger {
    fn accounts(&self) -> MutexGuard<'_, BTreeMap<MessageId, Account>> {
        self.0.lock().unwrap()
    }

    fn note(&self, id: MessageId, note: impl FnOnce(&mut Account)) {
        note(self.accounts().entry(id).or_default());
    }

    /// Clients work side by side until each has done `steps`, or the spool does nothing any more.
    pub async fn work<S: Spool>(&self, spool: &S, clients: u64, steps: usize, seed: u64) {
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let chance = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(client));
            let client = Client { ledger: self.clone(), spool: spool.clone(), chance };
            tasks.spawn(client.work(steps));
        }
        tasks.join_all().await;
    }

    /// Compares what is in the queue with what was told. Afterwards what was found counts as told.
    pub async fn audit(&self, spool: &impl Spool) -> Audit {
        let mut audit = Audit::default();
        let present = names(spool).await;
        for id in &present {
            let account = self.accounts().get(id).cloned().unwrap_or_else(|| panic!("{id} was never put in"));
            assert_ne!(account.removed, Told::Done, "{id} was taken out, and is there");
            let entry = spool.get(*id).await.unwrap().entry;
            let tried = attempts(&entry);
            assert!((account.attempts.0..=account.attempts.1).contains(&tried), "{id} was tried {tried} times, not {:?}", account.attempts);
            let found = read(spool.body(*id).await.unwrap()).await.unwrap();
            assert!(found == content(*id, account.len), "{id} has other content");
            audit.kept += usize::from(account.added == Told::Done);
            audit.unannounced += usize::from(account.added != Told::Done);
            audit.undead += usize::from(account.removed == Told::Nothing);
            self.note(*id, |account| {
                account.added = Told::Done;
                account.removed = Told::NotAsked;
                account.attempts = (tried, tried);
            });
        }
        self.accounts().retain(|id, account| {
            let absent = !present.contains(id);
            assert!(!(absent && account.added == Told::Done && account.removed == Told::NotAsked), "{id} is lost");
            // What was taken out must never come back, whatever happens later.
            if absent {
                account.removed = Told::Done;
            }
            true
        });
        audit
    }
}

struct Client<S> {
    ledger: Ledger,
    spool: S,
    chance: StdRng,
}

impl<S: Spool> Client<S> {
    async fn work(mut self, steps: usize) {
        for _ in 0..steps {
            // An error that ends nothing, such as a message that somebody else has taken out, is no matter.
            match self.step().await {
                Err(SpoolError::Closed | SpoolError::Unavailable(_)) if self.chance.random_ratio(1, 4) => return,
                _ => {}
            }
        }
    }

    async fn step(&mut self) -> Result<(), SpoolError> {
        match self.chance.random_range(0..20) {
            0..10 => self.add().await,
            10..17 => self.deliver().await,
            17 => self.remove().await,
            _ => self.hold_or_resume().await,
        }
    }

    async fn add(&mut self) -> Result<(), SpoolError> {
        let entry = entry();
        let id = entry.id();
        let len = if self.chance.random_ratio(1, 12) { 70_000 } else { self.chance.random_range(0..3_000) };
        self.ledger.note(id, |account| {
            account.len = len;
            account.added = Told::Nothing;
        });
        put(&self.spool, entry, &content(id, len)).await?;
        self.ledger.note(id, |account| account.added = Told::Done);
        Ok(())
    }

    async fn deliver(&mut self) -> Result<(), SpoolError> {
        let limit = self.chance.random_range(1..4);
        for mut claim in self.spool.claim(Reach::Due, noon(), LEASE, limit).await? {
            let id = claim.entry().id();
            match self.chance.random_range(0..4) {
                0 => drop(claim),
                1 => {
                    let next = self.ledger.accounts()[&id].attempts.1 + 1;
                    self.ledger.note(id, |account| account.attempts.1 = next);
                    set_attempts(&mut claim, next).await?;
                    self.ledger.note(id, |account| account.attempts.0 = next);
                }
                _ => {
                    self.ledger.note(id, |account| account.removed = account.removed.max(Told::Nothing));
                    claim.finish().await?;
                    self.ledger.note(id, |account| account.removed = Told::Done);
                }
            }
        }
        Ok(())
    }

    fn any(&mut self) -> Option<MessageId> {
        let accounts = self.ledger.accounts();
        let ids: Vec<_> = accounts.iter().filter(|(_, account)| account.removed != Told::Done).map(|(id, _)| *id).collect();
        drop(accounts);
        (!ids.is_empty()).then(|| ids[self.chance.random_range(0..ids.len())])
    }

    async fn remove(&mut self) -> Result<(), SpoolError> {
        let Some(id) = self.any() else { return Ok(()) };
        self.ledger.note(id, |account| account.removed = account.removed.max(Told::Nothing));
        self.spool.remove(id).await?;
        self.ledger.note(id, |account| account.removed = Told::Done);
        Ok(())
    }

    async fn hold_or_resume(&mut self) -> Result<(), SpoolError> {
        match self.any() {
            Some(id) if self.chance.random() => self.spool.hold(id).await,
            Some(id) => self.spool.resume(id).await,
            None => Ok(()),
        }
    }
}
