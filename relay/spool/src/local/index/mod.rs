//! What is known of the queue in memory: little for each message, so that a million of them are no burden.
//!
//! The index is what comes out when every record of the log is applied in its order; a start does just that, and so does the log when a record
//! has become durable. Leases are the exception: they end with the process.

mod leases;
mod place;
mod segments;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) use leases::{Lease, Leases};
pub(super) use place::Place;
pub(super) use segments::{Grave, Segment, Segments};

use super::format::{Header, Kind};
use crate::MessageId;

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Index {
    messages: BTreeMap<MessageId, Queued>,
    /// What can be claimed once its time has come.
    due: BTreeSet<(i64, MessageId)>,
    leases: Leases,
    /// Segments with an older copy of a message that was moved or came back.
    stale: HashMap<MessageId, Vec<u32>>,
    pub(super) segments: Segments,
    totals: Totals,
}

/// A message of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// In milliseconds since 1970.
    pub(super) due: i64,
    pub(super) body_bytes: u64,
    /// Its record.
    pub(super) message: Place,
    /// The newest record of its statuses, when that is not its own record.
    pub(super) state: Option<Place>,
    pub(super) held: bool,
    /// Whether its content is in a file of its own.
    pub(super) filed: bool,
    /// Whether this program can read it.
    pub(super) readable: bool,
}

/// What is counted over all messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) held: u64,
    pub(super) unreadable: u64,
    pub(super) body_bytes: u64,
}

impl Index {
    /// Takes in the record at `place`. What becomes of a message's file is for the caller to see: it gives the message that is gone.
    pub(super) fn apply(&mut self, place: Place, header: &Header) -> Option<(MessageId, Queued)> {
        self.segments.count(place);
        match header.kind {
            Kind::Message => {
                self.insert(place, header);
                None
            }
            Kind::State => {
                self.amend(place, header);
                None
            }
            Kind::Gone => {
                self.segments.bury(Grave { place, home: header.home });
                self.remove(header.id).map(|queued| (header.id, queued))
            }
        }
    }

    fn insert(&mut self, place: Place, header: &Header) {
        let id = header.id;
        if let Some(old) = self.take(id) {
            let stale = self.stale.entry(id).or_default();
            if !stale.contains(&old.message.segment()) {
                stale.push(old.message.segment());
            }
        }
        self.segments.add_live(place);
        let queued = Queued {
            due: header.due,
            body_bytes: header.body_bytes,
            message: place,
            state: None,
            held: header.held,
            filed: header.filed,
            readable: header.format.is_readable(),
        };
        self.put(id, queued);
    }

    /// A state without its message counts for nothing: the message is gone, and the record lies there still.
    fn amend(&mut self, place: Place, header: &Header) {
        let Some(mut queued) = self.take_out(header.id) else { return };
        if let Some(old) = queued.state.replace(place) {
            self.segments.remove_live(old);
        }
        self.segments.add_live(place);
        queued.due = header.due;
        queued.held = header.held;
        queued.readable = queued.readable && header.format.is_readable();
        self.put(header.id, queued);
    }

    fn remove(&mut self, id: MessageId) -> Option<Queued> {
        let queued = self.take(id)?;
        self.stale.remove(&id);
        self.leases.end(id);
        Some(queued)
    }

    /// Takes a message out, records and all.
    fn take(&mut self, id: MessageId) -> Option<Queued> {
        let queued = self.take_out(id)?;
        self.segments.remove_live(queued.message);
        if let Some(state) = queued.state {
            self.segments.remove_live(state);
        }
        Some(queued)
    }

    /// Takes a message out of the queue, while its records stay.
    fn take_out(&mut self, id: MessageId) -> Option<Queued> {
        let queued = self.messages.remove(&id)?;
        self.due.remove(&(queued.due, id));
        self.totals.count(&queued, u64::wrapping_sub);
        Some(queued)
    }

    fn put(&mut self, id: MessageId, queued: Queued) {
        self.totals.count(&queued, u64::wrapping_add);
        self.messages.insert(id, queued);
        self.schedule(id);
    }

    /// Puts a message among those that can be claimed, if it can be.
    fn schedule(&mut self, id: MessageId) {
        if let Some(queued) = self.messages.get(&id)
            && queued.readable
            && !queued.held
            && !self.leases.has(id)
        {
            self.due.insert((queued.due, id));
        }
    }

    /// A message.
    pub(super) fn get(&self, id: MessageId) -> Option<&Queued> {
        self.messages.get(&id)
    }

    /// All messages behind `after`, in the order of their names.
    pub(super) fn after(&self, after: Option<MessageId>) -> impl Iterator<Item = (MessageId, &Queued)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.messages.range((after.map_or(Unbounded, Excluded), Unbounded)).map(|(id, queued)| (*id, queued))
    }

    /// Number of messages.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The segments that hold a record of the message, newest first.
    pub(super) fn homes(&self, id: MessageId) -> impl Iterator<Item = u32> {
        let home = self.messages.get(&id).map(|queued| queued.message.segment());
        let stale = self.stale.get(&id).into_iter().flatten().copied();
        home.into_iter().chain(stale.filter(move |stale| Some(*stale) != home))
    }

    /// Remembers that a segment holds an old record of a message that is in the queue again; `false` when it is not in the queue.
    pub(super) fn remember_stale(&mut self, id: MessageId, home: u32) -> bool {
        if !self.messages.contains_key(&id) {
            return false;
        }
        let stale = self.stale.entry(id).or_default();
        if !stale.contains(&home) {
            stale.push(home);
        }
        true
    }

    /// A segment is gone for good, and with it every old copy in it.
    pub(super) fn forget_segment(&mut self, number: u32) {
        self.segments.forget(number);
        self.stale.retain(|_, homes| {
            homes.retain(|home| *home != number);
            !homes.is_empty()
        });
    }

    /// The statuses in the state record can't be read: those in the message's own record count again.
    pub(super) fn drop_state(&mut self, id: MessageId) {
        if let Some(queued) = self.messages.get_mut(&id)
            && let Some(state) = queued.state.take()
        {
            self.segments.remove_live(state);
        }
    }

    /// The message is left alone from now on.
    pub(super) fn set_unreadable(&mut self, id: MessageId) {
        if let Some(queued) = self.take_out(id) {
            self.put(id, Queued { readable: false, ..queued });
        }
    }
}

/// Claims.
impl Index {
    /// Claims up to `limit` messages that are due at `now`, until `until`.
    pub(super) fn claim_due(&mut self, now: i64, until: i64, limit: usize) -> Vec<(MessageId, Lease)> {
        self.expire(now);
        let ids: Vec<_> = self.due.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| *id).take(limit).collect();
        self.lease(ids, until)
    }

    /// Claims up to `limit` messages, due or not, held or not.
    pub(super) fn claim_any(&mut self, now: i64, until: i64, limit: usize) -> Vec<(MessageId, Lease)> {
        self.expire(now);
        let free = self.messages.iter().filter(|(id, queued)| queued.readable && !self.leases.has(**id));
        let ids: Vec<_> = free.map(|(id, _)| *id).take(limit).collect();
        self.lease(ids, until)
    }

    fn lease(&mut self, ids: Vec<MessageId>, until: i64) -> Vec<(MessageId, Lease)> {
        let leased = ids.into_iter().map(|id| {
            if let Some(queued) = self.messages.get(&id) {
                self.due.remove(&(queued.due, id));
            }
            (id, self.leases.grant(id, until))
        });
        leased.collect()
    }

    fn expire(&mut self, now: i64) {
        for id in self.leases.expire(now) {
            self.schedule(id);
        }
    }

    /// Whether this lease of the message is in force.
    pub(super) fn is_leased(&self, id: MessageId, lease: Lease) -> bool {
        self.leases.is(id, lease)
    }

    /// Whether anybody has the message.
    pub(super) fn is_claimed(&self, id: MessageId) -> bool {
        self.leases.has(id)
    }

    /// Makes the lease end at `until`; `false` when it is not in force.
    pub(super) fn renew(&mut self, id: MessageId, lease: Lease, until: i64) -> bool {
        self.leases.renew(id, lease, until)
    }

    /// Ends the lease, if it is in force.
    pub(super) fn release(&mut self, id: MessageId, lease: Lease) {
        if self.leases.is(id, lease) {
            self.leases.end(id);
            self.schedule(id);
        }
    }

    /// Number of messages that are claimed.
    pub(super) fn claimed(&self) -> usize {
        self.leases.len()
    }

    /// When a claim may find something.
    pub(super) fn next_due(&self) -> Option<i64> {
        let due = self.due.first().map(|(due, _)| *due);
        [due, self.leases.first_end()].into_iter().flatten().min()
    }
}

impl Totals {
    fn count(&mut self, queued: &Queued, change: fn(u64, u64) -> u64) {
        self.held = change(self.held, queued.held.into());
        self.unreadable = change(self.unreadable, (!queued.readable).into());
        self.body_bytes = change(self.body_bytes, queued.body_bytes);
    }
}
