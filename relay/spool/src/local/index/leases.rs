//! Who has which message.

use std::collections::{BTreeSet, HashMap};

use crate::MessageId;

/// A lease of a message. A later one of the same message is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Lease(u64);

/// All leases.
#[derive(Debug, Default)]
pub(in crate::local) struct Leases {
    by_message: HashMap<MessageId, (Lease, i64)>,
    ends: BTreeSet<(i64, MessageId)>,
    granted: u64,
}

impl Leases {
    pub(super) fn grant(&mut self, id: MessageId, until: i64) -> Lease {
        self.end(id);
        self.granted += 1;
        let lease = Lease(self.granted);
        self.by_message.insert(id, (lease, until));
        self.ends.insert((until, id));
        lease
    }

    pub(super) fn renew(&mut self, id: MessageId, lease: Lease, until: i64) -> bool {
        match self.by_message.get_mut(&id) {
            Some((current, end)) if *current == lease => {
                self.ends.remove(&(*end, id));
                *end = until;
                self.ends.insert((until, id));
                true
            }
            _ => false,
        }
    }

    pub(super) fn end(&mut self, id: MessageId) {
        if let Some((_, until)) = self.by_message.remove(&id) {
            self.ends.remove(&(until, id));
        }
    }

    /// Ends the leases that are over at `now`, and gives their messages.
    pub(super) fn expire(&mut self, now: i64) -> Vec<MessageId> {
        let over: Vec<_> = self.ends.iter().take_while(|(until, _)| *until <= now).map(|(_, id)| *id).collect();
        for id in &over {
            self.end(*id);
        }
        over
    }

    pub(super) fn is(&self, id: MessageId, lease: Lease) -> bool {
        self.by_message.get(&id).is_some_and(|(current, _)| *current == lease)
    }

    pub(super) fn has(&self, id: MessageId) -> bool {
        self.by_message.contains_key(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_message.len()
    }

    pub(super) fn first_end(&self) -> Option<i64> {
        self.ends.first().map(|(until, _)| *until)
    }
}
