//! A message while it comes in.

use std::{mem, sync::Arc};

use super::{
    HoldError, Message,
    buffer::Buffer,
    held::{Content, Held},
    scratch::Scratch,
    store::Shared,
};

/// Takes in a message. Dropping it at any moment gives back all that it took.
#[derive(Debug)]
pub struct Writer {
    held: Held,
    content: Content,
    len: u64,
    eight_bit: bool,
}

impl Writer {
    pub(super) fn new(store: Arc<Shared>, buffer: Buffer) -> Self {
        Self { held: Held::new(store), content: Content::Memory(buffer), len: 0, eight_bit: false }
    }

    /// Adds a piece of content. It waits for the disk only when the piece does not fit into the buffer.
    ///
    /// After an error, or when the future was dropped before it ended, the message is spoilt: every further call ends in
    /// [`HoldError::Incomplete`].
    pub async fn append(&mut self, piece: &[u8]) -> Result<(), HoldError> {
        self.eight_bit = self.eight_bit || !piece.is_ascii();
        self.len += piece.len() as u64;
        let mut rest = self.content.buffer()?.fill(piece);
        while !rest.is_empty() {
            self.spill().await?;
            rest = self.content.buffer()?.fill(rest);
        }
        Ok(())
    }

    /// Ends the message: what was added, in its order, is its content.
    pub async fn finish(mut self) -> Result<Message, HoldError> {
        let unwritten = matches!(&self.content, Content::Scratch(_, buffer) if !buffer.is_empty());
        if unwritten {
            self.spill().await?;
        }
        match self.content {
            Content::Lost => Err(HoldError::Incomplete),
            content => Ok(Message::new(self.held, content, self.len, self.eight_bit)),
        }
    }

    /// Moves the content of the buffer to scratch.
    async fn spill(&mut self) -> Result<(), HoldError> {
        let content = mem::replace(&mut self.content, Content::Lost);
        let spilt = spill_to(&self.held.store.scratch, content).await;
        self.content = spilt.inspect_err(|error| self.held.store.metrics.refused(error))?;
        Ok(())
    }
}

async fn spill_to(scratch: &Scratch, content: Content) -> Result<Content, HoldError> {
    let (file, buffer) = match content {
        Content::Memory(buffer) => (scratch.create().await?, buffer),
        Content::Scratch(file, buffer) => (file, buffer),
        Content::Lost => return Err(HoldError::Incomplete),
    };
    let (file, buffer) = scratch.append(file, buffer).await?;
    Ok(Content::Scratch(file, buffer))
}
