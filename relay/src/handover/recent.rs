//! Which messages were taken from peers lately.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use postern_spool::MessageId;
use tokio::time::Instant;

/// How long a message is remembered. A peer that did not hear our answer asks again within its grace period.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);
/// Most messages that are remembered: some 10 MiB.
const MOST: usize = 1 << 17;

/// Which messages were taken from peers lately. By the time that a peer asks a second time, for the answer was lost, the message may have been
/// delivered, and the queue knows it no more.
#[derive(Default)]
pub(super) struct Recent(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    ids: HashSet<MessageId>,
    by_age: VecDeque<(Instant, MessageId)>,
}

impl Recent {
    /// Remembers that a message was taken.
    pub(super) fn remember(&self, id: MessageId) {
        let now = Instant::now();
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.ids.insert(id) {
            taken.by_age.push_back((now, id));
        }
        taken.forget(now);
    }

    /// Whether a message is remembered.
    pub(super) fn knows(&self, id: MessageId) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.forget(Instant::now());
        taken.ids.contains(&id)
    }
}

impl Taken {
    fn forget(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.by_age.front()
            && (self.by_age.len() > MOST || now.duration_since(at) >= REMEMBERED_FOR)
        {
            self.by_age.pop_front();
            self.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_message_is_remembered_for_an_hour() {
        let (recent, id) = (Recent::default(), MessageId::new());
        assert!(!recent.knows(id));
        recent.remember(id);
        tokio::time::advance(REMEMBERED_FOR / 2).await;
        assert!(recent.knows(id));
        tokio::time::advance(REMEMBERED_FOR / 2).await;
        assert!(!recent.knows(id));
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let recent = Recent::default();
        let ids: Vec<_> = (0..=MOST).map(|_| MessageId::new()).collect();
        for id in &ids {
            recent.remember(*id);
        }
        assert!(!recent.knows(ids[0]));
        assert!(recent.knows(ids[1]) && recent.knows(ids[MOST]));
        assert_eq!(recent.0.lock().unwrap().ids.len(), MOST);
    }
}
