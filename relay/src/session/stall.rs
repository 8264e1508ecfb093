//! How long a client may take. RFC 5321 section 4.5.3.2 gives the times; a time runs for a whole command or block, not for each byte, so
//! that a client that sends a byte now and then gains nothing.

use std::time::Duration;

use postern_config::Timeouts;
use postern_proto::server::Expect;
use tokio::time::Instant;

/// A block of content, in bytes: what must come within the time for content.
const BLOCK: usize = 16 * 1024;

/// The time that runs against a client.
#[derive(Debug)]
pub(super) struct Stall {
    command: Duration,
    block: Duration,
    expects: Expect,
    deadline: Instant,
    received: usize,
}

impl Stall {
    pub(super) fn new(timeouts: &Timeouts, now: Instant) -> Self {
        let seconds = |count: u32| Duration::from_secs(count.into());
        let command = seconds(timeouts.client_command_seconds);
        Self { command, block: seconds(timeouts.client_data_seconds), expects: Expect::Command, deadline: now + command, received: 0 }
    }

    /// When what is awaited must be there.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The relay has answered, or turned from commands to content or back: another time begins.
    pub(super) fn turn(&mut self, expects: Expect, now: Instant) {
        self.expects = expects;
        self.received = 0;
        self.deadline = now + self.allowed();
    }

    /// `count` bytes came. Only a full block of content wins more time.
    pub(super) fn received(&mut self, count: usize, now: Instant) {
        self.received += count;
        if self.expects == Expect::Content && self.received >= BLOCK {
            self.turn(Expect::Content, now);
        }
    }

    /// When what is sent must have been taken: a client that does not read is given as long as one that does not write.
    pub(super) fn write_deadline(&self, now: Instant) -> Instant {
        now + self.command
    }

    /// What is awaited.
    pub(super) fn expects(&self) -> Expect {
        self.expects
    }

    fn allowed(&self) -> Duration {
        match self.expects {
            Expect::Command => self.command,
            Expect::Content => self.block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts =
        Timeouts { client_command_seconds: 300, client_data_seconds: 180, next_hop_command_seconds: 60, next_hop_final_reply_seconds: 120 };

    #[test]
    fn bytes_of_a_command_win_no_time() {
        let start = Instant::now();
        let mut stall = Stall::new(&TIMEOUTS, start);
        stall.received(BLOCK * 2, start + Duration::from_secs(299));
        assert_eq!(stall.deadline(), start + Duration::from_mins(5));
    }

    #[test]
    fn a_full_block_of_content_wins_the_time_of_a_block() {
        let start = Instant::now();
        let mut stall = Stall::new(&TIMEOUTS, start);
        stall.turn(Expect::Content, start);
        let later = start + Duration::from_secs(100);
        stall.received(BLOCK - 1, later);
        assert_eq!(stall.deadline(), start + Duration::from_mins(3));
        stall.received(1, later);
        assert_eq!(stall.deadline(), later + Duration::from_mins(3));
    }
}
