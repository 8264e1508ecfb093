//! Where the content of a message comes from while it is handed over.

use std::{future::Future, io};

use crate::message::Message;

/// The content of a complete message, to be read once from its start to its end.
pub trait Source: Send {
    /// Size in bytes.
    fn len(&self) -> u64;

    /// Whether it has no content at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any byte has its high bit set, so that the next hop must offer 8BITMIME (RFC 6152). Asked before the first piece.
    fn is_eight_bit(&mut self) -> impl Future<Output = io::Result<bool>> + Send;

    /// The next piece, never empty; `None` at the end. All pieces together are [`Source::len`] bytes. After an error it is not asked again.
    fn next_chunk(&mut self) -> impl Future<Output = io::Result<Option<&[u8]>>> + Send;
}

impl Source for Message {
    fn len(&self) -> u64 {
        Self::len(self)
    }

    async fn is_eight_bit(&mut self) -> io::Result<bool> {
        Ok(Self::is_eight_bit(self))
    }

    async fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        Self::next_chunk(self).await
    }
}
