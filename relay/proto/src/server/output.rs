//! What the client has not been sent yet.

use crate::reply::Reply;

/// Replies that wait before the client is held up until it reads.
const HIGH_WATER: usize = 4096;
/// Capacity that is kept while nothing waits.
const IDLE_CAPACITY: usize = 512;

/// A buffer of replies.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

impl Output {
    pub(super) fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Notes that the first `count` bytes of [`Self::unsent`] are written.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent = self.bytes.len().min(self.sent + count);
        if self.sent == self.bytes.len() {
            self.sent = 0;
            self.bytes.clear();
            self.bytes.shrink_to(IDLE_CAPACITY);
        }
    }

    pub(super) fn is_high(&self) -> bool {
        self.unsent().len() >= HIGH_WATER
    }

    pub(super) fn reply(&mut self, reply: &Reply) {
        reply.write_to(&mut self.bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}
