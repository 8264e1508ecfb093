//! Keeps the log small: segments in which nothing counts are removed, and what still counts in one that is mostly dead is moved.
//!
//! Half of every segment counts, or it is emptied: so the log takes at most twice what is in the queue, and a few segments more. Moves are
//! requests like others; a batch has a few of them while a segment is emptied, and shares its sync with them.

use std::{
    collections::HashSet,
    io,
    time::{Duration, Instant},
};

use super::{
    Log,
    request::{Change, Done, Request},
};
use crate::{
    SpoolError,
    local::{
        format::{Header, Kind},
        index::{Grave, Index, Place},
        names,
        scan::{self, Located, Source},
    },
};

/// Bytes that a batch moves at most, but for the last record.
const MOVED_BYTES: u64 = 1024 * 1024;
/// Records that a batch moves at most.
const MOVED_RECORDS: usize = 512;
/// Tenths of a segment that may be dead.
const DEAD_TENTHS: u64 = 5;
/// The same when the quota is nearly reached.
const SCARCE_TENTHS: u64 = 1;
/// How long nothing is moved after that has failed.
const PAUSE: Duration = Duration::from_secs(10);

/// What is being emptied.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    emptied: Option<Emptied>,
    paused_until: Option<Instant>,
}

/// A segment that is being emptied.
#[derive(Debug)]
struct Emptied {
    number: u32,
    /// Its records that were not looked at yet, last first.
    records: Vec<Located>,
}

impl Upkeep {
    /// What became of a move.
    pub(super) fn heard(&mut self, result: &Result<(), SpoolError>) {
        if let Err(error) = result {
            tracing::warn!(%error, "the spool can't move a record for now");
            self.pause();
        }
    }

    fn pause(&mut self) {
        self.emptied = None;
        self.paused_until = Some(Instant::now() + PAUSE);
    }

    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Log {
    /// Looks after the segments: something may have died since the last time.
    pub(super) fn look_after(&mut self) {
        self.remove_dead();
        if self.upkeep.emptied.is_none() && !self.upkeep.is_paused() {
            self.choose();
        }
    }

    /// Removes the segments in which nothing counts. What is buried in them stays buried until it is durable that they are gone.
    pub(super) fn remove_dead(&mut self) {
        let dead: Vec<_> = {
            let index = self.store.index();
            index.segments.iter().filter(|(_, segment)| segment.is_dead()).map(|(number, segment)| (number, segment.len)).collect()
        };
        if dead.is_empty() {
            return;
        }
        let removed: io::Result<()> = dead.iter().try_for_each(|(number, _)| match self.directory.remove(&names::segment(*number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        });
        match removed.and_then(|()| self.directory.sync()) {
            Ok(()) => {
                let mut index = self.store.index();
                for (number, len) in dead {
                    index.forget_segment(number);
                    self.store.usage.sub(len);
                }
                drop(index);
                self.ballast.take(&self.store.usage);
            }
            Err(error) => tracing::warn!(%error, "segments of the spool that are empty can't be removed"),
        }
    }

    /// Chooses the segment that is dead for the most part.
    fn choose(&mut self) {
        let tenths = if self.store.usage.is_scarce() { SCARCE_TENTHS } else { DEAD_TENTHS };
        let chosen = {
            let index = self.store.index();
            let movable = index.segments.iter().filter(|(_, segment)| segment.is_movable() && segment.is_dead_by(tenths));
            movable
                .max_by_key(|(_, segment)| segment.dead())
                .map(|(number, segment)| (number, segment.file.clone(), segment.tag, segment.len))
        };
        let Some((number, file, tag, end)) = chosen else { return };
        let source = Source { file: &*file, number, tag, end, durable: end };
        let records = scan::footer(source).and_then(|records| match records {
            Some(records) => Ok(records),
            None => scan::scan(source).map(|scan| scan.records),
        });
        match records {
            Ok(mut records) => {
                records.reverse();
                self.upkeep.emptied = Some(Emptied { number, records });
            }
            Err(error) => self.upkeep.heard(&Err(error.into())),
        }
    }

    /// The next moves, at most one for each message.
    pub(super) fn moves(&mut self) -> Vec<Request> {
        let mut moves = Vec::new();
        let Some(emptied) = &mut self.upkeep.emptied else { return moves };
        let index = self.store.index();
        let (mut bytes, mut ids) = (0, HashSet::new());
        while bytes < MOVED_BYTES
            && moves.len() < MOVED_RECORDS
            && let Some((place, header)) = emptied.records.last()
        {
            if let Some(change) = change_for(&index, emptied.number, *place, header) {
                if !ids.insert(header.id) {
                    break;
                }
                bytes += u64::from(place.len);
                moves.push(Request { id: header.id, change, done: Done::Nobody });
            }
            emptied.records.pop();
        }
        drop(index);
        if emptied.records.is_empty() {
            self.upkeep.emptied = None;
        }
        moves
    }
}

/// What is to be done so that the record is not needed in this segment any more.
fn change_for(index: &Index, number: u32, place: Place, header: &Header) -> Option<Change> {
    let queued = index.get(header.id);
    match header.kind {
        Kind::Message => queued.filter(|queued| queued.message == place).map(|_| Change::Move(number)),
        Kind::State => queued.filter(|queued| queued.state == Some(place)).map(|_| Change::Move(number)),
        Kind::Gone => {
            let needed = header.home != number && index.segments.get(header.home).is_some();
            needed.then_some(Change::Rebury(Grave { place, home: header.home }))
        }
    }
}
