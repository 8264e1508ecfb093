//! The file with the content of a message that is too large for its record.

use std::{io, sync::Arc};

use super::{blocking, names, store::Store};
use crate::{MessageId, SpoolError, directory::File, encoding::checksums};

/// The file with the content of a message, while the message is not in the queue: it is removed when this is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct BodyFile {
    store: Arc<Store>,
    id: MessageId,
    file: Arc<dyn File>,
    written: u64,
    /// CRC-32C of each block that was written.
    checksums: Vec<u8>,
    /// What was not written yet.
    block: Vec<u8>,
    kept: bool,
}

/// What writes, blocks.
impl BodyFile {
    /// Makes the file for content that begins with `block`.
    pub(super) fn create(store: Arc<Store>, id: MessageId, block: Vec<u8>) -> Result<Self, SpoolError> {
        let file = store.bodies.create(&names::body(id)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SpoolError::Exists(id),
            _ => error.into(),
        })?;
        Ok(Self { store, id, file, written: 0, checksums: Vec::new(), block, kept: false })
    }

    /// Writes the block.
    pub(super) fn write_block(&mut self) -> Result<(), SpoolError> {
        let len = self.block.len() as u64;
        self.store.usage.check(len)?;
        self.file.write_at(&[&self.block], self.written)?;
        self.store.usage.add(len);
        self.written += len;
        self.checksums.extend(checksums(&self.block));
        self.block.clear();
        Ok(())
    }

    /// Writes what is left, and makes all of it durable.
    pub(super) fn complete(mut self) -> Result<Self, SpoolError> {
        self.write_block()?;
        self.file.sync()?;
        Ok(self)
    }

    /// The block, to be filled.
    pub(super) fn block(&mut self) -> &mut Vec<u8> {
        &mut self.block
    }

    /// Bytes that were written.
    pub(super) fn len(&self) -> u64 {
        self.written
    }

    pub(super) fn take_checksums(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.checksums)
    }

    /// The message is in the queue, and the file stays.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (store, name, written) = (self.store.clone(), names::body(self.id), self.written);
        blocking::run_later(move || match store.bodies.remove(&name) {
            Ok(()) => store.usage.sub(written),
            Err(error) => tracing::warn!(name, %error, "the file of a message that was given up can't be removed"),
        });
    }
}
