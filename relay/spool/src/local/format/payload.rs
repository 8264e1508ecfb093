//! What stands behind the header of a record.

use crc32c::{crc32c, crc32c_append};
use serde::Serialize;

use super::{BLOCK_BYTES, Header};
use crate::{Entry, Envelope, MessageId, Status};

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

    /// The checksum of the block with this number.
    pub(in crate::local) fn checksum(&self, block: usize) -> Option<u32> {
        self.checksums.as_chunks().0.get(block).map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The message, with `statuses` if these are newer than its own.
    pub(in crate::local) fn decode(&self, id: MessageId, statuses: Option<Vec<Status>>) -> Result<Entry, String> {
        let envelope: Envelope = serde_json::from_slice(&self.envelope).map_err(|error| format!("its envelope can't be read: {error}"))?;
        let statuses = match statuses {
            Some(statuses) => statuses,
            None => decode_statuses(&self.statuses)?,
        };
        Entry::with_statuses(id, envelope, statuses).ok_or_else(|| "it has not one status for each recipient".to_owned())
    }
}

/// The statuses as they were stored.
pub(in crate::local) fn decode_statuses(bytes: &[u8]) -> Result<Vec<Status>, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("its statuses can't be read: {error}"))
}

/// The envelope as it is stored.
pub(in crate::local) fn encode_envelope(envelope: &Envelope) -> Vec<u8> {
    encode(envelope)
}

/// The statuses as they are stored.
pub(in crate::local) fn encode_statuses(statuses: &[Status]) -> Vec<u8> {
    encode(&statuses)
}

/// The checksums of content that is in memory.
pub(in crate::local) fn checksums(content: &[u8]) -> Vec<u8> {
    content.chunks(BLOCK_BYTES).flat_map(|block| crc32c(block).to_le_bytes()).collect()
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // The model holds no map with other keys than strings and no float, so encoding it can't fail.
    serde_json::to_vec(value).unwrap_or_default()
}
