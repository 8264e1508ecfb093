//! The content of a queued message on its way to a next hop.

use std::io;

use postern_spool::{Body as _, MessageId, Spool, SpoolError};

use crate::delivery::Source;

/// Reads a message from the spool. The next hop gets to hear of its end only when all of it was read and found to be what was stored.
pub(super) struct Content<'a, S: Spool> {
    spool: &'a S,
    id: MessageId,
    len: u64,
    body: Option<S::Body>,
    is_corrupt: bool,
}

impl<'a, S: Spool> Content<'a, S> {
    /// Nothing is read yet.
    pub(super) fn new(spool: &'a S, id: MessageId, len: u64) -> Self {
        Self { spool, id, len, body: None, is_corrupt: false }
    }

    /// Its size.
    pub(super) fn bytes(&self) -> u64 {
        self.len
    }

    /// Whether what was read is not what was stored. The spool has set the message aside then.
    pub(super) fn is_corrupt(&self) -> bool {
        self.is_corrupt
    }

    async fn read(&mut self) -> io::Result<Option<&[u8]>> {
        let Self { spool, id, body, is_corrupt, .. } = self;
        let mut failed = |error: SpoolError| {
            *is_corrupt |= matches!(error, SpoolError::Corrupt { .. });
            io::Error::other(error)
        };
        let body = match body {
            Some(body) => body,
            none => none.insert(spool.body(*id).await.map_err(&mut failed)?),
        };
        body.next_chunk().await.map_err(failed)
    }
}

impl<S: Spool> Source for &mut Content<'_, S> {
    fn len(&self) -> u64 {
        self.len
    }

    /// Reads as much as is needed to know.
    async fn is_eight_bit(&mut self) -> io::Result<bool> {
        let is_eight_bit = loop {
            match self.read().await? {
                Some(piece) if piece.is_ascii() => {}
                piece => break piece.is_some(),
            }
        };
        self.body = None;
        Ok(is_eight_bit)
    }

    async fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        self.read().await
    }
}
