//! Messages as engines store them: JSON, and a checksum (CRC-32C) for each block of content.

use crc32c::crc32c;
use serde::Serialize;

use crate::{Entry, Envelope, MessageId, Status};

/// Size of the blocks that have a checksum each, and the most content that is read at once: 64 KiB.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// The message with this envelope, as it was stored.
pub(crate) fn decode_entry(id: MessageId, envelope: &[u8], statuses: Vec<Status>) -> Result<Entry, String> {
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(|error| format!("its envelope can't be read: {error}"))?;
    Entry::with_statuses(id, envelope, statuses).ok_or_else(|| "it has not one status for each recipient".to_owned())
}

/// The statuses as they were stored.
pub(crate) fn decode_statuses(bytes: &[u8]) -> Result<Vec<Status>, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("its statuses can't be read: {error}"))
}

/// The envelope as it is stored.
pub(crate) fn encode_envelope(envelope: &Envelope) -> Vec<u8> {
    encode(envelope)
}

/// The statuses as they are stored.
pub(crate) fn encode_statuses(statuses: &[Status]) -> Vec<u8> {
    encode(&statuses)
}

/// The checksums of content that is in memory.
pub(crate) fn checksums(content: &[u8]) -> Vec<u8> {
    content.chunks(BLOCK_BYTES).flat_map(|block| crc32c(block).to_le_bytes()).collect()
}

/// Compares the block of content with this number with its checksum among `checksums`, and tells what is wrong.
pub(crate) fn verify_block(block: &[u8], number: usize, checksums: &[u8]) -> Result<(), String> {
    let expected = checksums.as_chunks().0.get(number).map(|bytes| u32::from_le_bytes(*bytes));
    if expected == Some(crc32c(block)) {
        return Ok(());
    }
    Err(format!("its content is damaged within the {BLOCK_BYTES} bytes from {}", number * BLOCK_BYTES))
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // The model holds no map with other keys than strings and no float, so encoding it can't fail.
    serde_json::to_vec(value).unwrap_or_default()
}
