//! The prologue of a segment.

use crc32c::crc32c;

use super::{
    cursor::{Cursor, fill},
    version::Versions,
};

/// Begins every segment.
const MAGIC: [u8; 8] = *b"POSTSPL\n";
/// Length of one copy of the prologue, the size of a sector: one that is damaged leaves the other alone.
const COPY_BYTES: usize = 512;
/// Where records begin: behind both copies.
pub(in crate::local) const FIRST_RECORD: u64 = 2 * COPY_BYTES as u64;
/// Most voids that a prologue has room for.
pub(in crate::local) const MAX_VOIDS: usize = 56;
/// Length of what stands in front of the voids.
const FIXED_BYTES: usize = 28;

/// The version of the layout of segments and records.
const LAYOUT: Versions = Versions { current: 1, min_reader: 1, oldest: 1 };

/// Says that nothing in a segment counts from an offset on: a sync failed, so that nobody knows what is there, and nobody was told that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Void {
    pub(in crate::local) segment: u32,
    pub(in crate::local) from: u32,
}

/// What a segment says about itself, twice, before its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::local) struct Prologue {
    pub(in crate::local) number: u32,
    /// Begins every record of this segment. It is random, so that nobody can send a mail whose content passes for a record.
    pub(in crate::local) tag: [u8; 8],
    /// What does not count in segments that may still be there.
    pub(in crate::local) voids: Vec<Void>,
}

/// Why a prologue is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) enum PrologueError {
    /// Neither copy is whole.
    Damaged,
    /// It is of a version that this program does not read.
    Version { version: u16, oldest: u16, newest: u16 },
}

impl Prologue {
    /// Both copies. No more than [`MAX_VOIDS`] are written.
    pub(in crate::local) fn encode(&self) -> Vec<u8> {
        let voids = &self.voids[..self.voids.len().min(MAX_VOIDS)];
        let count = u32::try_from(voids.len()).unwrap_or_default();
        let list: Vec<u8> = voids.iter().flat_map(|void| [void.segment.to_le_bytes(), void.from.to_le_bytes()]).flatten().collect();
        let mut copy: [u8; COPY_BYTES] = fill(&[
            &MAGIC,
            &LAYOUT.current.to_le_bytes(),
            &LAYOUT.min_reader.to_le_bytes(),
            &self.number.to_le_bytes(),
            &self.tag,
            &count.to_le_bytes(),
            &list,
        ]);
        let crc = crc32c(&copy[..COPY_BYTES - 4]);
        copy[COPY_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        [copy, copy].concat()
    }

    /// Reads it from the first bytes of a file.
    pub(in crate::local) fn decode(bytes: &[u8]) -> Result<Self, PrologueError> {
        match bytes.as_chunks::<COPY_BYTES>().0 {
            [first, second, ..] => decode_copy(first).or_else(|error| match error {
                PrologueError::Damaged => decode_copy(second),
                PrologueError::Version { .. } => Err(error),
            }),
            [first] => decode_copy(first),
            [] => Err(PrologueError::Damaged),
        }
    }
}

fn decode_copy(copy: &[u8; COPY_BYTES]) -> Result<Prologue, PrologueError> {
    let (covered, crc) = copy.split_last_chunk().ok_or(PrologueError::Damaged)?;
    let mut cursor = Cursor(covered);
    if cursor.array() != MAGIC || u32::from_le_bytes(*crc) != crc32c(covered) {
        return Err(PrologueError::Damaged);
    }
    let (version, min_reader) = (cursor.u16(), cursor.u16());
    if !LAYOUT.read(version, min_reader) {
        return Err(PrologueError::Version { version, oldest: LAYOUT.oldest, newest: LAYOUT.current });
    }
    let (number, tag, count) = (cursor.u32(), cursor.array(), cursor.u32());
    let list = covered[FIXED_BYTES..].as_chunks::<8>().0;
    let voids = list.iter().take(count as usize).map(|void| {
        let mut cursor = Cursor(void);
        Void { segment: cursor.u32(), from: cursor.u32() }
    });
    Ok(Prologue { number, tag, voids: voids.collect() })
}
