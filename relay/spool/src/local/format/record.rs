//! The header of a record. It alone is enough to build the index.

use crc32c::crc32c;

use super::{
    cursor::{Cursor, fill},
    version::Versions,
};
use crate::MessageId;

/// Length of a header.
pub(in crate::local) const HEADER_BYTES: usize = 80;
/// Length of the tag that every header of a segment begins with.
const TAG_BYTES: usize = 8;
/// Where the bytes that the checksum covers begin.
const COVERED: usize = TAG_BYTES + 4;

/// The version of what stands in a record: JSON of envelope and statuses.
const PAYLOAD: Versions = Versions { current: 1, min_reader: 1, oldest: 1 };

/// The message waits until somebody says otherwise.
const HELD: u8 = 1;
/// The content is in a file of its own.
const FILED: u8 = 2;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) enum Kind {
    /// A message is in the queue, with all that there is of it.
    Message,
    /// Where its delivery stands now.
    State,
    /// It is in the queue no more.
    Gone,
}

/// The version of a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Format {
    version: u8,
    min_reader: u8,
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Header {
    pub(in crate::local) kind: Kind,
    pub(in crate::local) format: Format,
    pub(in crate::local) held: bool,
    pub(in crate::local) filed: bool,
    /// Grows from record to record, over all segments.
    pub(in crate::local) sequence: u64,
    pub(in crate::local) id: MessageId,
    /// Where its batch begins: all before it in the segment was durable when this was written.
    pub(in crate::local) durable: u32,
    /// When the message is due, in milliseconds since 1970.
    pub(in crate::local) due: i64,
    /// Size of the content, wherever it is.
    pub(in crate::local) body_bytes: u64,
    /// For [`Kind::Gone`], the segment whose record of the message it buries.
    pub(in crate::local) home: u32,
    pub(in crate::local) envelope_len: u32,
    pub(in crate::local) statuses_len: u32,
    pub(in crate::local) checksums_len: u32,
    /// CRC-32C of envelope, statuses and the checksums of the content.
    pub(in crate::local) meta_crc: u32,
}

impl Header {
    /// Length of envelope, statuses and checksums together.
    pub(in crate::local) fn meta_len(&self) -> u64 {
        u64::from(self.envelope_len) + u64::from(self.statuses_len) + u64::from(self.checksums_len)
    }

    /// Bytes of content within the record.
    pub(in crate::local) fn inline_len(&self) -> u64 {
        if self.filed { 0 } else { self.body_bytes }
    }

    /// Length of the whole record.
    pub(in crate::local) fn record_len(&self) -> u64 {
        (HEADER_BYTES as u64).saturating_add(self.meta_len()).saturating_add(self.inline_len())
    }

    /// The header with its checksum, and the tag of its segment in front.
    pub(in crate::local) fn encode(&self, tag: [u8; TAG_BYTES]) -> [u8; HEADER_BYTES] {
        let flags = (u8::from(self.held) * HELD) | (u8::from(self.filed) * FILED);
        let mut bytes: [u8; HEADER_BYTES] = fill(&[
            &tag,
            &[0; COVERED - TAG_BYTES],
            &[self.kind.code(), flags, self.format.version, self.format.min_reader],
            &self.sequence.to_le_bytes(),
            &self.durable.to_le_bytes(),
            &self.id.to_bytes(),
            &self.due.to_le_bytes(),
            &self.body_bytes.to_le_bytes(),
            &self.home.to_le_bytes(),
            &self.envelope_len.to_le_bytes(),
            &self.statuses_len.to_le_bytes(),
            &self.checksums_len.to_le_bytes(),
            &self.meta_crc.to_le_bytes(),
        ]);
        let crc = crc32c(&bytes[COVERED..]);
        bytes[TAG_BYTES..COVERED].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header of the segment with this tag; `None` when there is none.
    pub(in crate::local) fn decode(bytes: &[u8; HEADER_BYTES], tag: [u8; TAG_BYTES]) -> Option<Self> {
        if bytes[..TAG_BYTES] != tag {
            return None;
        }
        let (crc, covered) = bytes[TAG_BYTES..].split_first_chunk()?;
        if u32::from_le_bytes(*crc) != crc32c(covered) {
            return None;
        }
        let mut cursor = Cursor(covered);
        let kind = Kind::from_code(cursor.u8())?;
        let flags = cursor.u8();
        Some(Self {
            kind,
            format: Format { version: cursor.u8(), min_reader: cursor.u8() },
            held: flags & HELD != 0,
            filed: flags & FILED != 0,
            sequence: cursor.u64(),
            durable: cursor.u32(),
            id: MessageId::from_bytes(cursor.array()),
            due: cursor.i64(),
            body_bytes: cursor.u64(),
            home: cursor.u32(),
            envelope_len: cursor.u32(),
            statuses_len: cursor.u32(),
            checksums_len: cursor.u32(),
            meta_crc: cursor.u32(),
        })
    }
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::State => 2,
            Self::Gone => 3,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Message),
            2 => Some(Self::State),
            3 => Some(Self::Gone),
            _ => None,
        }
    }
}

impl Format {
    /// What this program writes.
    #[expect(clippy::cast_possible_truncation, reason = "versions are small")]
    pub(in crate::local) const CURRENT: Self = Self { version: PAYLOAD.current as u8, min_reader: PAYLOAD.min_reader as u8 };

    /// Whether this program reads it.
    pub(in crate::local) fn is_readable(self) -> bool {
        PAYLOAD.read(self.version.into(), self.min_reader.into())
    }
}
