//! The segment to which records are appended.

use std::{io, sync::Arc};

use super::{Log, request::Draft};
use crate::{
    directory::File,
    local::{
        format::{FIRST_RECORD, HEADER_BYTES, MAX_VOIDS, Prologue, Void, footer_bytes, footer_entry},
        index::{Place, Segment},
        names,
        scan::Located,
    },
};

/// A segment is complete when it has this many records, so that its footer stays small.
const MOST_RECORDS: usize = 100_000;

/// What stands for a record in the footer.
type FooterEntry = [u8; HEADER_BYTES - 4];

/// The segment to which records are appended.
#[derive(Debug)]
pub(super) struct Active {
    number: u32,
    file: Arc<dyn File>,
    tag: [u8; 8],
    /// Where the next record goes. All before it is durable, but for the prologue of a new segment.
    end: u64,
    /// The footer as it grows.
    footer: Vec<FooterEntry>,
    /// Whether it is durable that the file is there.
    listed: bool,
}

impl Log {
    /// Appends the records and makes them durable. After an error none of them counts, now or after a start.
    pub(super) fn append(&mut self, drafts: &[&Draft]) -> io::Result<Vec<Located>> {
        let bytes = drafts.iter().map(|draft| draft.header.record_len()).sum();
        let mut active = self.active_for(bytes)?;
        let located = match self.locate(&active, drafts) {
            Ok(located) => located,
            Err(error) => {
                self.active = Some(active);
                return Err(error);
            }
        };
        let heads: Vec<_> = located.iter().map(|(_, header)| header.encode(active.tag)).collect();
        let parts: Vec<&[u8]> = heads.iter().zip(drafts).flat_map(|(head, draft)| [&[&head[..]], &draft.parts()[..]].concat()).collect();
        if let Err(error) = active.file.write_at(&parts, active.end) {
            // What was written of it must not lie between records that count.
            match active.file.set_len(active.end) {
                Ok(()) => self.active = Some(active),
                Err(_) => self.abandon(&active),
            }
            return Err(error);
        }
        if let Err(error) = self.sync(&mut active) {
            self.abandon(&active);
            return Err(error);
        }
        active.end += bytes;
        active.footer.extend(located.iter().zip(&heads).map(|((place, _), head)| footer_entry(place.offset, head)));
        self.store.usage.add(bytes);
        self.update_segment(active.number, |segment| segment.len = active.end);
        self.active = Some(active);
        Ok(located)
    }

    /// Gives each record its place and its number in the order of all records.
    fn locate(&mut self, active: &Active, drafts: &[&Draft]) -> io::Result<Vec<Located>> {
        let durable = u32::try_from(active.end).map_err(io::Error::other)?;
        let mut offset = active.end;
        let located = drafts.iter().map(|draft| {
            let mut header = draft.header;
            header.sequence = self.next_sequence;
            self.next_sequence += 1;
            header.durable = durable;
            let place = Place::new(active.number, offset, header.record_len()).ok_or(io::ErrorKind::FileTooLarge)?;
            offset = place.end();
            Ok((place, header))
        });
        located.collect()
    }

    fn sync(&mut self, active: &mut Active) -> io::Result<()> {
        active.file.sync()?;
        if !active.listed {
            self.directory.sync()?;
            active.listed = true;
        }
        Ok(())
    }

    /// Takes out a segment that has room for `bytes` more.
    fn active_for(&mut self, bytes: u64) -> io::Result<Active> {
        match self.active.take() {
            Some(active) if active.has_room(bytes, self.segment_bytes) => Ok(active),
            Some(full) => {
                self.complete(&full);
                self.begin()
            }
            None => self.begin(),
        }
    }

    fn begin(&mut self) -> io::Result<Active> {
        let mut voids = self.store.index().segments.voids();
        if voids.len() > MAX_VOIDS {
            self.remove_dead();
            voids = self.store.index().segments.voids();
        }
        if voids.len() > MAX_VOIDS {
            return Err(io::Error::other("syncing has failed too often: the volume needs a repair"));
        }
        let number = self.next_segment;
        self.next_segment += 1;
        let prologue = Prologue { number, tag: rand::random(), voids };
        let name = names::segment(number);
        let file = self.directory.create(&name)?;
        if let Err(error) = file.write_at(&[&prologue.encode()], 0) {
            drop(self.directory.remove(&name));
            return Err(error);
        }
        let mut segment = Segment::new(file.clone(), prologue.tag, FIRST_RECORD);
        segment.open = true;
        self.store.index().segments.insert(number, segment);
        self.store.usage.add(FIRST_RECORD);
        Ok(Active { number, file, tag: prologue.tag, end: FIRST_RECORD, footer: Vec::new(), listed: false })
    }

    /// Nobody knows what became of the last write: nothing behind what was durable before counts, and nothing is written here again. The next
    /// segment says so before it says anything else.
    fn abandon(&mut self, active: &Active) {
        tracing::error!(segment = active.number, "a segment of the spool can't be written any more, and a new one is begun");
        let void = u32::try_from(active.end).ok().map(|from| Void { segment: active.number, from });
        self.update_segment(active.number, |segment| {
            segment.open = false;
            segment.void = void;
        });
    }

    /// Completes the segment that is in use, if there is one.
    pub(super) fn complete_active(&mut self) {
        if let Some(active) = self.active.take() {
            self.complete(&active);
        }
    }

    /// Appends the footer. A segment without one is read record by record at the next start, so a failure costs only time.
    fn complete(&mut self, active: &Active) {
        let footer = footer_bytes(active.tag, &active.footer);
        let mut len = active.end;
        match active.file.write_at(&[&footer], active.end).and_then(|()| active.file.sync()) {
            Ok(()) => {
                len += footer.len() as u64;
                self.store.usage.add(footer.len() as u64);
            }
            Err(error) => {
                tracing::warn!(segment = active.number, %error, "a segment of the spool is left without a footer");
                drop(active.file.set_len(active.end));
            }
        }
        self.update_segment(active.number, |segment| {
            segment.open = false;
            segment.len = len;
        });
    }

    fn update_segment(&self, number: u32, update: impl FnOnce(&mut Segment)) {
        if let Some(segment) = self.store.index().segments.get_mut(number) {
            update(segment);
        }
    }
}

impl Active {
    /// Whether `bytes` more go in. One that is empty takes anything.
    fn has_room(&self, bytes: u64, segment_bytes: u64) -> bool {
        self.footer.is_empty() || (self.end + bytes <= segment_bytes && self.footer.len() < MOST_RECORDS)
    }
}
