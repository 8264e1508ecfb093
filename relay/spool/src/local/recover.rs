//! Opens a spool: reads what is in the log, cuts what a crash has torn, and sets aside what is corrupt.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    Settings,
    format::{FIRST_RECORD, Prologue, PrologueError, Void, footer_bytes, footer_entry},
    index::{Index, Segment},
    log::Ballast,
    names,
    quarantine::{Quarantine, SetAside},
    scan::{self, Damage, Located, Scan, Source},
    store::{Store, Usage},
};
use crate::{
    OpenError,
    directory::{Directory, File},
};

/// What was found when a spool was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Messages in the queue.
    pub messages: usize,
    /// Segments of the log.
    pub segments: usize,
    /// Of these, read record by record, because they were not complete when the process before ended.
    pub scanned: usize,
    /// What is not as it was written.
    pub set_aside: Vec<SetAside>,
    /// Files of messages that were never committed, or are gone.
    pub orphans: usize,
}

/// What is open, and where the log goes on.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) log: Arc<dyn Directory>,
    pub(super) ballast: Ballast,
    pub(super) next_segment: u32,
    pub(super) next_sequence: u64,
    pub(super) recovery: Recovery,
}

/// Opens what is in `directory`, which is locked.
pub(super) fn open(directory: Arc<dyn Directory>, settings: &Settings) -> Result<Opened, OpenError> {
    let log = directory.subdirectory("log")?;
    let bodies = directory.subdirectory("body")?;
    let corrupt = directory.subdirectory("corrupt")?;
    let usage = Usage::new(total_len(&*corrupt)?, settings.quota_bytes);
    let quarantine = Quarantine::new(corrupt);
    directory.sync()?;
    let ballast = Ballast::open(directory, settings.segment_bytes, &usage)?;

    let mut recoverer = Recoverer {
        log: &*log,
        quarantine: &quarantine,
        usage: &usage,
        index: Index::default(),
        sequence: 0,
        recovery: Recovery::default(),
    };
    let numbers = segment_numbers(&*log)?;
    let newest = numbers.last().copied().unwrap_or_default();
    recoverer.replay_all(&numbers)?;
    recoverer.remove_orphans(&*bodies)?;

    let Recoverer { index, sequence, mut recovery, .. } = recoverer;
    recovery.messages = index.len();
    usage.add(index.after(None).filter(|(_, queued)| queued.filed).map(|(_, queued)| queued.body_bytes).sum());
    usage.add(index.segments.iter().map(|(_, segment)| segment.len).sum());
    let store = Store::new(index, bodies, quarantine, usage);
    Ok(Opened { store, log, ballast, next_segment: newest + 1, next_sequence: sequence + 1, recovery })
}

fn total_len(directory: &dyn Directory) -> io::Result<u64> {
    directory.names()?.iter().map(|name| directory.open(name)?.length()).sum()
}

fn segment_numbers(log: &dyn Directory) -> io::Result<Vec<u32>> {
    let mut numbers: Vec<u32> = log.names()?.iter().filter_map(|name| names::segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Recoverer<'a> {
    log: &'a dyn Directory,
    quarantine: &'a Quarantine,
    usage: &'a Usage,
    index: Index,
    /// The highest that was seen.
    sequence: u64,
    recovery: Recovery,
}

/// A segment whose prologue was read.
struct Found {
    file: Arc<dyn File>,
    len: u64,
    prologue: Prologue,
}

impl Recoverer<'_> {
    fn replay_all(&mut self, numbers: &[u32]) -> Result<(), OpenError> {
        let mut segments = BTreeMap::new();
        for (position, number) in numbers.iter().enumerate() {
            if let Some(found) = self.find(*number, position + 1 == numbers.len())? {
                segments.insert(*number, found);
            }
        }
        // Which part of a segment does not count is said in a later one.
        let voids: BTreeMap<u32, Void> =
            segments.values().flat_map(|found| &found.prologue.voids).map(|void| (void.segment, *void)).collect();
        let newest = segments.keys().next_back().copied();
        for (number, found) in segments {
            self.replay(number, found, voids.get(&number).copied(), Some(number) == newest)?;
        }
        Ok(())
    }

    /// Reads the prologue. Without one nothing in the segment can be told from anything else: then it is set aside as a whole.
    fn find(&mut self, number: u32, newest: bool) -> Result<Option<Found>, OpenError> {
        let name = names::segment(number);
        let file = self.log.open(&name)?;
        let len = file.length()?;
        let mut start = vec![0; usize::try_from(len.min(FIRST_RECORD)).map_err(io::Error::other)?];
        file.read_at(&mut start, 0)?;
        match Prologue::decode(&start) {
            Ok(prologue) if prologue.number == number => Ok(Some(Found { file, len, prologue })),
            Err(PrologueError::Version { version, oldest, newest }) => Err(OpenError::Version { file: name, version, oldest, newest }),
            Ok(_) | Err(PrologueError::Damaged) => {
                let what = "neither copy of the segment's prologue is whole".to_owned();
                let damage = Damage { offset: 0, len, message: None, what, torn: newest };
                if self.set_aside(number, &*file, damage) {
                    self.log.remove(&name)?;
                }
                Ok(None)
            }
        }
    }

    fn replay(&mut self, number: u32, found: Found, void: Option<Void>, newest: bool) -> io::Result<()> {
        let Found { file, len, prologue } = found;
        self.recovery.segments += 1;
        let mut segment = Segment::new(file.clone(), prologue.tag, len);
        segment.void = void;
        let whole = Source { file: &*file, number, tag: prologue.tag, end: len, durable: 0 };
        if let Some(records) = scan::footer(whole)? {
            self.index.segments.insert(number, segment);
            self.apply(&records);
            return Ok(());
        }
        self.recovery.scanned += 1;
        let source = match void {
            Some(Void { from, .. }) => Source { end: len.min(from.into()), durable: from.into(), ..whole },
            // A newer one is begun only when all in this one is durable.
            None => Source { durable: if newest { 0 } else { len }, ..whole },
        };
        let Scan { records, damages, end } = scan::scan(source)?;
        for damage in damages {
            segment.pinned |= !self.set_aside(number, &*file, damage);
        }
        if !segment.pinned {
            match complete(source, end, &records) {
                Ok(len) => segment.len = len,
                // It is read record by record again next time.
                Err(error) => tracing::warn!(number, %error, "a segment of the spool can't be completed"),
            }
        }
        self.index.segments.insert(number, segment);
        self.apply(&records);
        Ok(())
    }

    fn apply(&mut self, records: &[Located]) {
        for (place, header) in records {
            self.sequence = self.sequence.max(header.sequence);
            self.index.apply(*place, header);
        }
    }

    /// Whether nothing of it is left that only the segment has.
    fn set_aside(&mut self, number: u32, file: &dyn File, damage: Damage) -> bool {
        if damage.torn && is_blank(file, &damage) {
            return true;
        }
        let report = SetAside {
            file: names::set_aside(number, damage.offset),
            found_in: names::segment(number),
            offset: damage.offset,
            bytes: damage.len,
            message: damage.message,
            what: damage.what,
            torn: damage.torn,
        };
        let kept = self.quarantine.set_aside(&report, file, self.usage).is_ok();
        self.recovery.set_aside.push(report);
        kept
    }

    /// Removes the files of messages that are not in the queue. When a record is corrupt, one of them may be its message's: then they are set
    /// aside too.
    fn remove_orphans(&mut self, bodies: &dyn Directory) -> io::Result<()> {
        let suspicious = self.recovery.set_aside.iter().any(|part| !part.torn);
        for name in bodies.names()? {
            let Some(id) = names::body_id(&name) else { continue };
            if self.index.get(id).is_some_and(|queued| queued.filed) {
                continue;
            }
            self.recovery.orphans += 1;
            if suspicious {
                let file = bodies.open(&name)?;
                let what = "no record tells whose content this is".to_owned();
                let (found_in, bytes) = (name.clone(), file.length()?);
                let report = SetAside { file: name.clone(), found_in, offset: 0, bytes, message: Some(id), what, torn: false };
                let kept = self.quarantine.set_aside(&report, &*file, self.usage);
                self.recovery.set_aside.push(report);
                if kept.is_err() {
                    continue;
                }
            }
            bodies.remove(&name)?;
        }
        Ok(())
    }
}

/// Whether a torn end is nothing but zeros: the file had grown, and nothing was written there yet.
fn is_blank(file: &dyn File, damage: &Damage) -> bool {
    let mut block = vec![0; 64 * 1024];
    let mut looked_at = 0;
    while looked_at < damage.len {
        let rest = usize::try_from(damage.len - looked_at).map_or(block.len(), |rest| rest.min(block.len()));
        let read = file.read_at(&mut block[..rest], damage.offset + looked_at);
        if read.is_err() || block[..rest].iter().any(|byte| *byte != 0) {
            return false;
        }
        looked_at += rest as u64;
    }
    true
}

/// Cuts what stands behind the last whole record, and appends the footer. Gives the length.
fn complete(source: Source<'_>, end: u64, records: &[Located]) -> io::Result<u64> {
    let entries: Vec<_> = records.iter().map(|(place, header)| footer_entry(place.offset, &header.encode(source.tag))).collect();
    let footer = footer_bytes(source.tag, &entries);
    source.file.set_len(end)?;
    source.file.write_at(&[&footer], end)?;
    source.file.sync()?;
    Ok(end + footer.len() as u64)
}
