//! What the client sent and the session has not read yet.

use std::{fmt, ops::Range};

use super::step::Expect;

/// Room while a command is expected: what an idle session costs.
const COMMAND_ROOM: usize = 1024;
/// Room while content arrives: one read of the socket, or two TLS records.
const CONTENT_ROOM: usize = 32 * 1024;

/// A buffer that is small while a session idles and large while content arrives.
#[derive(Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Where the unread bytes begin.
    start: usize,
}

/// Shows no byte: it may be a password's.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("unread", &self.unread().len()).finish_non_exhaustive()
    }
}

impl Input {
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Reads the next `count` bytes away, and tells where they stand for [`Self::get`].
    pub(super) fn take(&mut self, count: usize) -> Range<usize> {
        let start = self.start;
        self.start = self.bytes.len().min(start + count);
        start..self.start
    }

    pub(super) fn get(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }

    /// The buffer with spare capacity for what is expected, its read part dropped.
    pub(super) fn room(&mut self, expect: Expect) -> &mut Vec<u8> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let room = match expect {
            Expect::Command => COMMAND_ROOM,
            Expect::Content => CONTENT_ROOM,
        };
        if self.bytes.capacity() > room {
            self.bytes.shrink_to(room);
        }
        // Never full: a read into a full buffer would look like the end of the connection.
        self.bytes.reserve(room.saturating_sub(self.bytes.len()).max(COMMAND_ROOM / 2));
        &mut self.bytes
    }
}
