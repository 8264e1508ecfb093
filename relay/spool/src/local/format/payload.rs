//! What stands behind the header of a record.

use crc32c::{crc32c, crc32c_append};

use super::Header;
use crate::{
    Entry, MessageId, Status,
    encoding::{decode_entry, decode_statuses},
};

/// Envelope, statuses and checksums of a record, as they stand there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::local) struct Meta {
    pub(in crate::local) envelope: Vec<u8>,
    pub(in crate::local) statuses: Vec<u8>,
    /// CRC-32C of each block of the content.
    pub(in crate::local) checksums: Vec<u8>,
}

impl Meta {
    /// Splits what stands between the header and the content; `None` when the checksum says that it is not what was written.
    pub(in crate::local) fn split(header: &Header, mut bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() as u64 != header.meta_len() || crc32c(&bytes) != header.meta_crc {
            return None;
        }
        let mut statuses = bytes.split_off(header.envelope_len as usize);
        let checksums = statuses.split_off(header.statuses_len as usize);
        Some(Self { envelope: bytes, statuses, checksums })
    }

    /// Its checksum.
    pub(in crate::local) fn crc(&self) -> u32 {
        crc32c_append(crc32c_append(crc32c(&self.envelope), &self.statuses), &self.checksums)
    }

    /// The message, with `statuses` if these are newer than its own.
    pub(in crate::local) fn decode(&self, id: MessageId, statuses: Option<Vec<Status>>) -> Result<Entry, String> {
        let statuses = match statuses {
            Some(statuses) => statuses,
            None => decode_statuses(&self.statuses)?,
        };
        decode_entry(id, &self.envelope, statuses)
    }
}
