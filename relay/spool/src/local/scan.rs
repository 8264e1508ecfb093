//! Reads a segment that has no footer, record by record, and finds what is torn or corrupt.

use std::io;

use memchr::memmem;

use super::{
    format::{FIRST_RECORD, HEADER_BYTES, Header, TRAILER_BYTES, Trailer},
    index::Place,
    read::{self, ReadError},
};
use crate::{MessageId, directory::File};

/// Read at once where the next record is searched for.
const SEARCH_BYTES: usize = 256 * 1024;

/// A record with its place.
pub(super) type Located = (Place, Header);

/// What is in a segment.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) records: Vec<Located>,
    pub(super) damages: Vec<Damage>,
    /// Where the last whole record ends.
    pub(super) end: u64,
}

/// A part of a segment that is not what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) message: Option<MessageId>,
    pub(super) what: String,
    /// Whether it may be what a crash left of a write that nobody was told to be done: nothing says that it was durable.
    pub(super) torn: bool,
}

/// What is read of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a dyn File,
    pub(super) number: u32,
    pub(super) tag: [u8; 8],
    /// Where what counts ends.
    pub(super) end: u64,
    /// All records before this are known to have been durable.
    pub(super) durable: u64,
}

/// The records as the footer lists them; `None` when there is no footer that can be trusted.
pub(super) fn footer(source: Source<'_>) -> io::Result<Option<Vec<Located>>> {
    let Some(trailer_at) = source.end.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let mut trailer = [0; TRAILER_BYTES];
    source.file.read_at(&mut trailer, trailer_at)?;
    let Some(trailer) = Trailer::decode(&trailer, source.tag) else { return Ok(None) };
    let Some(start) = trailer_at.checked_sub(trailer.entries_len()) else { return Ok(None) };
    let mut entries = vec![0; usize::try_from(trailer.entries_len()).map_err(io::Error::other)?];
    source.file.read_at(&mut entries, start)?;
    let Ok(records) = trailer.records(&entries, source.tag) else { return Ok(None) };
    let place = |offset: u32, header: &Header| Place::new(source.number, offset.into(), header.record_len());
    Ok(records.into_iter().map(|(offset, header)| Some((place(offset, &header)?, header))).collect())
}

/// Reads every record, and compares it with its checksums.
pub(super) fn scan(source: Source<'_>) -> io::Result<Scan> {
    let mut scan = Scan { end: FIRST_RECORD, ..Scan::default() };
    let mut position = FIRST_RECORD;
    let (mut sequence, mut durable) = (0, source.durable);
    while position < source.end {
        position = if let Some(header) = header_at(source, position)? {
            durable = durable.max(header.durable.into());
            scan.take(source, position, header, &mut sequence)?
        } else {
            let next = next_header(source, position + 1)?;
            scan.damage(position, next.unwrap_or(source.end), None, "no record begins here", next.is_none());
            next.unwrap_or(source.end)
        };
    }
    for damage in &mut scan.damages {
        damage.torn |= damage.offset >= durable;
    }
    Ok(scan)
}

impl Scan {
    /// Takes in the record with this header, or finds it damaged. Gives where the next begins.
    fn take(&mut self, source: Source<'_>, position: u64, header: Header, sequence: &mut u64) -> io::Result<u64> {
        let id = Some(header.id);
        let next = position.saturating_add(header.record_len());
        let Some(place) = Place::new(source.number, position, header.record_len()).filter(|_| next <= source.end) else {
            self.damage(position, source.end, id, "the record is cut short", true);
            return Ok(source.end);
        };
        if header.sequence <= *sequence {
            self.damage(position, next, id, "the record is older than the one before it", false);
            return Ok(next);
        }
        match read::record(source.file, source.tag, place).and_then(|record| read::inline(source.file, place, &record)) {
            Ok(_) => {
                *sequence = header.sequence;
                self.records.push((place, header));
                self.end = next;
            }
            Err(ReadError::Corrupt(what)) => self.damage(position, next, id, &what, false),
            Err(ReadError::Storage(error)) => return Err(error),
        }
        Ok(next)
    }

    fn damage(&mut self, offset: u64, end: u64, message: Option<MessageId>, what: &str, torn: bool) {
        self.damages.push(Damage { offset, len: end - offset, message, what: what.to_owned(), torn });
    }
}

fn header_at(source: Source<'_>, position: u64) -> io::Result<Option<Header>> {
    if position + HEADER_BYTES as u64 > source.end {
        return Ok(None);
    }
    let mut bytes = [0; HEADER_BYTES];
    source.file.read_at(&mut bytes, position)?;
    Ok(Header::decode(&bytes, source.tag))
}

/// Where the next header is, from `position` on: at the next tag that begins one.
fn next_header(source: Source<'_>, mut position: u64) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; SEARCH_BYTES];
    while position < source.end {
        let len = usize::try_from(source.end - position).unwrap_or(SEARCH_BYTES).min(SEARCH_BYTES);
        let bytes = &mut buffer[..len];
        source.file.read_at(bytes, position)?;
        for found in memmem::find_iter(bytes, &source.tag) {
            let candidate = position + found as u64;
            if header_at(source, candidate)?.is_some() {
                return Ok(Some(candidate));
            }
        }
        if len < SEARCH_BYTES {
            break;
        }
        // The last bytes may be the beginning of a tag.
        position += (len - source.tag.len() + 1) as u64;
    }
    Ok(None)
}
