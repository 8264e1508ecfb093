//! What stands before the content of a message that is handed over.

use std::time::Duration;

use postern_spool::{Entry, Envelope, MessageId, Status};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// The version of the head that this program writes, and the only one that it reads.
const VERSION: u32 = 1;
/// Largest head, in bytes: some 10,000 recipients, each with an error.
pub(super) const MAX_HEAD_BYTES: usize = 8 << 20;
/// Largest content, in bytes: the most that `limits.messageBytes` can be, and what relays add. A limit that was lowered is no reason to refuse
/// what had been taken.
const MAX_CONTENT_BYTES: u64 = 2 << 30;

/// A message without its content, on its way to a peer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    version: u32,
    envelope: Envelope,
    statuses: Vec<Status>,
    /// Whether it was told to wait.
    pub(super) held: bool,
    /// Size of the content, in bytes.
    pub(super) content_bytes: u64,
}

/// What is read of a head whose version may be any.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Head {
    /// The head of a message.
    pub(super) fn of(entry: &Entry, held: bool, content_bytes: u64) -> Self {
        Self { version: VERSION, envelope: entry.envelope().clone(), statuses: entry.statuses().to_vec(), held, content_bytes }
    }

    /// Reads it.
    pub(super) fn read(json: &[u8]) -> Result<Self, Refusal> {
        let malformed = |error: serde_json::Error| Refusal::Malformed(error.to_string());
        let Versioned { version } = serde_json::from_slice(json).map_err(malformed)?;
        if version != VERSION {
            return Err(Refusal::Version(version));
        }
        let head: Self = serde_json::from_slice(json).map_err(malformed)?;
        if head.content_bytes > MAX_CONTENT_BYTES { Err(Refusal::TooLarge) } else { Ok(head) }
    }

    /// The message that it is the head of.
    pub(super) fn into_entry(self, id: MessageId) -> Result<Entry, Refusal> {
        let mismatch = || Refusal::Malformed("it has not one status for each recipient".to_owned());
        Entry::with_statuses(id, self.envelope, self.statuses).ok_or_else(mismatch)
    }
}

/// How long one message of this size may take, from the first byte of its request to the answer: half a minute, and a second for each MiB.
pub(super) fn allowance(bytes: u64) -> Duration {
    Duration::from_secs(30 + (bytes >> 20))
}
