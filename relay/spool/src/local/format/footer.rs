//! The footer of a complete segment: the headers of all its records again, so that a start reads them without the content in between.

use crc32c::crc32c;

use super::{
    cursor::{Cursor, fill},
    record::{HEADER_BYTES, Header},
};

const MAGIC: [u8; 8] = *b"POSTEND\n";
/// Length of the trailer, the last bytes of the file.
pub(in crate::local) const TRAILER_BYTES: usize = 24;
/// Length of what stands for one record: its offset, and its header without the tag.
const ENTRY_BYTES: usize = 4 + HEADER_BYTES - 8;

/// One record in the footer.
pub(in crate::local) type FooterEntry = [u8; ENTRY_BYTES];

/// The end of the footer: how to find and check the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Trailer {
    count: u32,
    crc: u32,
}

/// The checksum of a footer does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct FooterError;

/// What stands in the footer for the record at `offset`.
pub(in crate::local) fn footer_entry(offset: u32, header: &[u8; HEADER_BYTES]) -> FooterEntry {
    fill(&[&offset.to_le_bytes(), &header[8..]])
}

/// The whole footer.
pub(in crate::local) fn footer_bytes(tag: [u8; 8], entries: &[FooterEntry]) -> Vec<u8> {
    let entries_bytes = entries.as_flattened();
    let count = u32::try_from(entries.len()).unwrap_or_default();
    let trailer: [u8; TRAILER_BYTES] = fill(&[&MAGIC, &tag, &count.to_le_bytes(), &covered_crc(entries_bytes, count).to_le_bytes()]);
    [entries_bytes, &trailer].concat()
}

/// The number is covered too, since it says where the entries begin.
fn covered_crc(entries: &[u8], count: u32) -> u32 {
    crc32c::crc32c_append(crc32c(entries), &count.to_le_bytes())
}

impl Trailer {
    /// Reads a trailer of the segment with this tag; `None` when there is none.
    pub(in crate::local) fn decode(bytes: &[u8; TRAILER_BYTES], tag: [u8; 8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        let ours = cursor.array() == MAGIC && cursor.array() == tag;
        ours.then(|| Self { count: cursor.u32(), crc: cursor.u32() })
    }

    /// Length of the entries, which end where the trailer begins.
    pub(in crate::local) fn entries_len(self) -> u64 {
        u64::from(self.count) * ENTRY_BYTES as u64
    }

    /// The headers of all records with their offsets.
    pub(in crate::local) fn records(self, entries: &[u8], tag: [u8; 8]) -> Result<Vec<(u32, Header)>, FooterError> {
        if covered_crc(entries, self.count) != self.crc {
            return Err(FooterError);
        }
        entries.as_chunks::<ENTRY_BYTES>().0.iter().map(|entry| record(entry, tag).ok_or(FooterError)).collect()
    }
}

fn record(entry: &FooterEntry, tag: [u8; 8]) -> Option<(u32, Header)> {
    let (offset, covered) = entry.split_first_chunk()?;
    let header = Header::decode(&fill(&[&tag, covered]), tag)?;
    Some((u32::from_le_bytes(*offset), header))
}
