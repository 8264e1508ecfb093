//! Takes in a message.

use std::{mem, sync::Arc};

use super::{
    blocking,
    body_file::BodyFile,
    format::Meta,
    log::{Addition, Change, Requests},
    store::Store,
};
use crate::{
    Entry, MessageId, SpoolError, Writer,
    encoding::{BLOCK_BYTES, checksums, encode_envelope, encode_statuses},
    time::millis,
};

/// Takes in a message: in memory up to the size of a block, and in a file of its own beyond it.
#[derive(Debug)]
pub struct LocalWriter {
    requests: Requests,
    entry: Entry,
    held: bool,
    content: Content,
    store: Arc<Store>,
}

/// Where the content is.
#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    File(BodyFile),
    /// With an operation on the disk that is under way, was cancelled or has failed.
    Lost,
}

impl LocalWriter {
    pub(super) fn new(store: Arc<Store>, requests: Requests, entry: Entry) -> Self {
        Self { requests, entry, held: false, content: Content::Memory(Vec::new()), store }
    }

    /// Writes the block that is full, and makes the file first if there is none.
    async fn spill(&mut self) -> Result<(), SpoolError> {
        let (store, id) = (self.store.clone(), self.entry.id());
        let content = mem::replace(&mut self.content, Content::Lost);
        let spilt = blocking::run(move || {
            let mut file = match content {
                Content::Memory(block) => BodyFile::create(store, id, block)?,
                Content::File(file) => file,
                Content::Lost => return Err(incomplete()),
            };
            file.write_block()?;
            Ok(file)
        });
        self.content = Content::File(spilt.await?);
        Ok(())
    }
}

impl Writer for LocalWriter {
    async fn append(&mut self, mut piece: &[u8]) -> Result<(), SpoolError> {
        loop {
            let block = self.content.block()?;
            let taken = piece.len().min(BLOCK_BYTES - block.len());
            block.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if piece.is_empty() {
                return Ok(());
            }
            self.spill().await?;
        }
    }

    fn hold(&mut self) {
        self.held = true;
    }

    async fn commit(self) -> Result<MessageId, SpoolError> {
        let Self { requests, entry, held, content, .. } = self;
        let id = entry.id();
        let (content, mut file) = match content {
            Content::Memory(content) => (content, None),
            Content::File(file) => (Vec::new(), Some(blocking::run(move || file.complete()).await?)),
            Content::Lost => return Err(incomplete()),
        };
        let addition = Addition {
            due: millis(entry.due()),
            held,
            body_bytes: file.as_ref().map_or(content.len() as u64, BodyFile::len),
            meta: Meta {
                envelope: encode_envelope(entry.envelope()),
                statuses: encode_statuses(entry.statuses()),
                checksums: file.as_mut().map_or_else(|| checksums(&content), BodyFile::take_checksums),
            },
            content,
            file,
        };
        requests.make(id, Change::Add(addition)).await?;
        Ok(id)
    }
}

impl Content {
    fn block(&mut self) -> Result<&mut Vec<u8>, SpoolError> {
        match self {
            Self::Memory(block) => Ok(block),
            Self::File(file) => Ok(file.block()),
            Self::Lost => Err(incomplete()),
        }
    }
}

fn incomplete() -> SpoolError {
    SpoolError::Unavailable(std::io::Error::other("a piece of the message is missing"))
}
