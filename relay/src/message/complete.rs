//! A message that is complete.

use std::io;

use super::held::Held;

/// A complete message, to be read once from its start to its end. Dropping it gives back all that it took.
#[derive(Debug)]
pub struct Message {
    held: Held,
    len: u64,
    read: u64,
    eight_bit: bool,
}

impl Message {
    pub(super) fn new(held: Held, len: u64, eight_bit: bool) -> Self {
        Self { held, len, read: 0, eight_bit }
    }

    /// Size in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no content at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether any byte has its high bit set, so that the next hop must offer 8BITMIME (RFC 6152).
    #[must_use]
    pub fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// The next piece of the content, 1 to [`BLOCK_BYTES`](super::BLOCK_BYTES) bytes long; `None` at the end.
    ///
    /// After an error, or when the future was dropped before it ended, the rest of the message is lost and every further call fails.
    pub async fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        if self.read == self.len {
            return Ok(None);
        }
        self.held.load(self.read).await.map_err(io::Error::other)?;
        let chunk = self.held.buffer().map_err(io::Error::other)?.as_slice();
        self.read += chunk.len() as u64;
        Ok(Some(chunk))
    }
}
