//! The content that follows BDAT (RFC 3030 section 2), chunk by chunk.

use super::{
    Flaw,
    lines::{Place, Run},
};

/// Checks the line ends of a message across its chunks. Nothing in a chunk ends it but its size, and no dot means anything.
#[derive(Clone, Copy, Debug)]
pub struct ChunkReader {
    place: Place,
    /// Bytes that the message may still have.
    left: u64,
}

/// How the content stands when the last chunk has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is empty or ends with CRLF.
    Whole,
    /// Its last line has no CRLF; one must be added, since the next hop may get the content with DATA.
    NeedsCrlf,
}

impl ChunkReader {
    /// A reader for a message of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { place: Place::LineStart, left: limit }
    }

    /// Takes the size of the next chunk, or tells that the message would be too big.
    pub fn begin(&mut self, octets: u64) -> Result<(), Flaw> {
        self.left = self.left.checked_sub(octets).ok_or(Flaw::TooBig)?;
        Ok(())
    }

    /// How many bytes of `input`, which ends with the chunk at the latest, are sound. None are only if there is no input.
    pub fn read(&mut self, input: &[u8]) -> Result<usize, Flaw> {
        match self.place.run(input, false) {
            Run::Text(length) => Ok(length),
            Run::Lone(_) => Err(Flaw::LineEnd),
        }
    }

    /// How the content ends, after its last chunk. Once it was told that CRLF is needed, that counts as added.
    pub fn finish(&mut self) -> Result<Ending, Flaw> {
        match std::mem::replace(&mut self.place, Place::LineStart) {
            Place::LineStart => Ok(Ending::Whole),
            Place::InLine => Ok(Ending::NeedsCrlf),
            Place::Cr => Err(Flaw::LineEnd),
        }
    }
}
