//! What a message takes while it is held.

use std::{mem, sync::Arc};

use super::{
    HoldError,
    buffer::Buffer,
    scratch::{Scratch, ScratchFile},
    store::Shared,
};

/// The content of one message, counted as held until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    store: Arc<Shared>,
    content: Content,
}

/// Where the content is.
#[derive(Debug)]
enum Content {
    /// All in memory.
    Memory(Buffer),
    /// In a file, but for what the buffer holds.
    Scratch(ScratchFile, Buffer),
    /// With an operation on the disk that is under way, was cancelled or has failed.
    Lost,
}

impl Held {
    pub(super) fn new(store: Arc<Shared>, buffer: Buffer) -> Self {
        store.metrics.messages.inc();
        Self { store, content: Content::Memory(buffer) }
    }

    /// The buffer, while the content is not lost.
    pub(super) fn buffer(&mut self) -> Result<&mut Buffer, HoldError> {
        match &mut self.content {
            Content::Memory(buffer) | Content::Scratch(_, buffer) => Ok(buffer),
            Content::Lost => Err(HoldError::Incomplete),
        }
    }

    /// Moves what is in the buffer to scratch.
    pub(super) async fn spill(&mut self) -> Result<(), HoldError> {
        let content = mem::replace(&mut self.content, Content::Lost);
        let spilt = spill_to(&self.store.scratch, content).await;
        self.content = spilt.inspect_err(|error| self.store.metrics.refused(error))?;
        Ok(())
    }

    /// Sees to it that nothing of the content is left in the buffer, unless all of it is.
    pub(super) async fn settle(&mut self) -> Result<(), HoldError> {
        match &self.content {
            Content::Scratch(_, buffer) if !buffer.is_empty() => self.spill().await,
            Content::Memory(_) | Content::Scratch(..) => Ok(()),
            Content::Lost => Err(HoldError::Incomplete),
        }
    }

    /// Replaces what is in the buffer by what stands at `offset` in the file; content in memory stays.
    pub(super) async fn load(&mut self, offset: u64) -> Result<(), HoldError> {
        self.content = match mem::replace(&mut self.content, Content::Lost) {
            Content::Scratch(file, mut buffer) => {
                buffer.grow();
                let (file, buffer) = self.store.scratch.read(file, buffer, offset).await?;
                Content::Scratch(file, buffer)
            }
            content => content,
        };
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

impl Drop for Held {
    fn drop(&mut self) {
        self.store.metrics.messages.dec();
        if let Content::Scratch(file, _) = mem::replace(&mut self.content, Content::Lost) {
            self.store.scratch.discard(file);
        }
    }
}
