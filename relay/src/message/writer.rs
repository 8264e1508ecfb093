//! A message while it comes in.

use super::{HoldError, Message, held::Held};

/// Takes in a message. Dropping it at any moment gives back all that it took.
#[derive(Debug)]
pub struct Writer {
    held: Held,
    len: u64,
    eight_bit: bool,
}

impl Writer {
    pub(super) fn new(held: Held) -> Self {
        Self { held, len: 0, eight_bit: false }
    }

    /// Adds a piece of content. It waits for the disk only when the piece does not fit into the buffer.
    ///
    /// After an error, or when the future was dropped before it ended, the message is spoilt: every further call ends in
    /// [`HoldError::Incomplete`].
    pub async fn append(&mut self, piece: &[u8]) -> Result<(), HoldError> {
        self.eight_bit = self.eight_bit || !piece.is_ascii();
        self.len += piece.len() as u64;
        let mut rest = self.held.buffer()?.fill(piece);
        while !rest.is_empty() {
            self.held.spill().await?;
            rest = self.held.buffer()?.fill(rest);
        }
        Ok(())
    }

    /// Ends the message: what was added, in its order, is its content.
    pub async fn finish(mut self) -> Result<Message, HoldError> {
        self.held.settle().await?;
        Ok(Message::new(self.held, self.len, self.eight_bit))
    }
}
