//! Reads the content of a message.

use std::{mem, sync::Arc};

use super::{
    blocking,
    format::Meta,
    load,
    log::Requests,
    names,
    read::{self, ReadError},
    store::Store,
};
use crate::{BLOCK_BYTES, Body, MessageId, SpoolError, directory::File};

/// The content of a message, block by block.
#[derive(Debug)]
pub struct LocalBody {
    requests: Requests,
    id: MessageId,
    file: Arc<dyn File>,
    /// Where in the file the content begins.
    start: u64,
    len: u64,
    position: u64,
    checksums: Arc<Meta>,
    block: Vec<u8>,
}

/// Opens the content of a message with these checksums.
pub(super) async fn open(store: &Arc<Store>, requests: &Requests, id: MessageId, checksums: Meta) -> Result<LocalBody, SpoolError> {
    let queued = *store.index().get(id).ok_or(SpoolError::NotFound(id))?;
    let (file, start) = if queued.filed {
        let shared = store.clone();
        match blocking::run(move || shared.bodies.open(&names::body(id))).await {
            Ok(file) => (file, 0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(load::set_aside(requests, id, "the file with its content is missing".to_owned()).await);
            }
            Err(error) => return Err(error.into()),
        }
    } else {
        let (file, _) = store.segment_of(id, queued.message)?;
        (file, queued.message.end() - queued.body_bytes)
    };
    let checksums = Arc::new(checksums);
    Ok(LocalBody { requests: requests.clone(), id, file, start, len: queued.body_bytes, position: 0, checksums, block: Vec::new() })
}

impl Body for LocalBody {
    async fn next_chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        if self.position == self.len {
            return Ok(None);
        }
        let (file, checksums, offset) = (self.file.clone(), self.checksums.clone(), self.start + self.position);
        let number = usize::try_from(self.position).unwrap_or(usize::MAX) / BLOCK_BYTES;
        let wanted = usize::try_from(self.len - self.position).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let mut block = mem::take(&mut self.block);
        let read = blocking::run::<_, ReadError>(move || {
            block.resize(wanted, 0);
            read::fill(&*file, &mut block, offset)?;
            read::verify(&block, number, &checksums)?;
            Ok(block)
        });
        match read.await {
            Ok(block) => self.block = block,
            Err(ReadError::Storage(error)) => return Err(error.into()),
            Err(ReadError::Corrupt(what)) => return Err(load::set_aside(&self.requests, self.id, what).await),
        }
        self.position += wanted as u64;
        Ok(Some(&self.block))
    }
}
