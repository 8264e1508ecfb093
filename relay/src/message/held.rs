//! A message that is complete.

use std::{io, mem, sync::Arc};

use super::{HoldError, buffer::Buffer, scratch::ScratchFile, store::Shared};

/// A complete message, to be read once from its start to its end. Dropping it gives back all that it took.
#[derive(Debug)]
pub struct Message {
    held: Held,
    content: Content,
    len: u64,
    read: u64,
    eight_bit: bool,
}

/// Where the content is.
#[derive(Debug)]
pub(super) enum Content {
    /// All in memory.
    Memory(Buffer),
    /// In a file, but for what the buffer holds.
    Scratch(ScratchFile, Buffer),
    /// With an operation on the disk that failed or was cancelled.
    Lost,
}

impl Content {
    pub(super) fn buffer(&mut self) -> Result<&mut Buffer, HoldError> {
        match self {
            Self::Memory(buffer) | Self::Scratch(_, buffer) => Ok(buffer),
            Self::Lost => Err(HoldError::Incomplete),
        }
    }
}

/// Counts one message as held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) store: Arc<Shared>,
}

impl Held {
    pub(super) fn new(store: Arc<Shared>) -> Self {
        store.metrics.messages.inc();
        Self { store }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.metrics.messages.dec();
    }
}

impl Message {
    pub(super) fn new(held: Held, content: Content, len: u64, eight_bit: bool) -> Self {
        Self { held, content, len, read: 0, eight_bit }
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
    /// An error is final: the rest of the message is lost.
    pub async fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        if self.read == self.len {
            return Ok(None);
        }
        if let Content::Scratch(..) = self.content {
            self.load().await?;
        }
        let chunk = self.content.buffer().map_err(io::Error::other)?.as_slice();
        self.read += chunk.len() as u64;
        Ok(Some(chunk))
    }

    /// Replaces what is in the buffer by the next block of the file.
    async fn load(&mut self) -> io::Result<()> {
        if let Content::Scratch(file, mut buffer) = mem::replace(&mut self.content, Content::Lost) {
            buffer.grow();
            let (file, buffer) = self.held.store.scratch.read(file, buffer, self.read).await?;
            self.content = Content::Scratch(file, buffer);
        }
        Ok(())
    }
}
