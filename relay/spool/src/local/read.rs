//! Reads records, and compares them with their checksums.

use std::io;

use super::{
    format::{HEADER_BYTES, Header, Meta},
    index::Place,
};
use crate::{
    directory::File,
    encoding::{BLOCK_BYTES, verify_block},
};

/// Read at once in the hope that header, envelope and statuses are all in it.
const FIRST_READ: u64 = 2048;

/// Why a record is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Storage(#[from] io::Error),
    /// It is not what was written.
    #[error("{0}")]
    Corrupt(String),
}

/// A record without the content.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) header: Header,
    pub(super) meta: Meta,
}

/// The record at `place`, without the content, which is not touched.
pub(super) fn record(file: &dyn File, tag: [u8; 8], place: Place) -> Result<Record, ReadError> {
    let mut bytes = read(file, place.offset.into(), FIRST_READ.min(place.len.into()))?;
    let Some(header) = bytes.first_chunk().and_then(|header| Header::decode(header, tag)) else {
        return Err(ReadError::Corrupt("its header is damaged".to_owned()));
    };
    if header.record_len() != u64::from(place.len) {
        return Err(ReadError::Corrupt("its header is another one's".to_owned()));
    }
    let wanted = HEADER_BYTES + usize::try_from(header.meta_len()).map_err(io::Error::other)?;
    let had = bytes.len();
    if wanted > had {
        bytes.resize(wanted, 0);
        fill(file, &mut bytes[had..], u64::from(place.offset) + had as u64)?;
    }
    bytes.truncate(wanted);
    let meta = Meta::split(&header, bytes.split_off(HEADER_BYTES));
    meta.map(|meta| Record { header, meta }).ok_or_else(|| ReadError::Corrupt("its envelope or statuses are damaged".to_owned()))
}

/// The content of a record that holds it.
pub(super) fn inline(file: &dyn File, place: Place, record: &Record) -> Result<Vec<u8>, ReadError> {
    let len = record.header.inline_len();
    let content = read(file, place.end() - len, len)?;
    verify_all(&content, &record.meta)?;
    Ok(content)
}

/// Compares content that is complete with its checksums.
fn verify_all(content: &[u8], meta: &Meta) -> Result<(), ReadError> {
    content.chunks(BLOCK_BYTES).enumerate().try_for_each(|(number, block)| verify(block, number, meta))
}

/// Compares a block of the content with its checksum.
pub(super) fn verify(block: &[u8], number: usize, meta: &Meta) -> Result<(), ReadError> {
    verify_block(block, number, &meta.checksums).map_err(ReadError::Corrupt)
}

fn read(file: &dyn File, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    fill(file, &mut bytes, offset)?;
    Ok(bytes)
}

/// Fills `buffer`. A file that ends too early is corrupt.
pub(super) fn fill(file: &dyn File, buffer: &mut [u8], offset: u64) -> Result<(), ReadError> {
    file.read_at(buffer, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Corrupt("its file is cut short".to_owned()),
        _ => ReadError::Storage(error),
    })
}
