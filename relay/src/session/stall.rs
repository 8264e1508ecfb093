//! How long a client may take. RFC 5321 section 4.5.3.2 gives the times; a time runs for a whole command or block, not for each byte, so
//! that a client that sends a byte now and then gains nothing.

use std::time::Duration;

use postern_config::Timeouts;
use postern_proto::server::Expect;
/// A block of content, in bytes: what must come within the time for content.
const BLOCK: usize = 16 * 1024;

/// The time that is left to a client. It runs only while the relay waits for the client, and not while the client waits for the relay.
#[derive(Debug)]
pub(super) struct Stall {
    command: Duration,
    block: Duration,
    expects: Expect,
    left: Duration,
    received: usize,
}

impl Stall {
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        let seconds = |count: u32| Duration::from_secs(count.into());
        let command = seconds(timeouts.client_command_seconds);
        let block = seconds(timeouts.client_data_seconds);
        Self { command, block, expects: Expect::Command, left: command, received: 0 }
    }

    /// How long the client may still take.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// How long a client may take to read what it is sent: as long as it may take to send a command.
    pub(super) fn to_read(&self) -> Duration {
        self.command
    }

    /// The relay has answered, or turned from commands to content or back: another time begins.
    pub(super) fn turn(&mut self, expects: Expect) {
        self.expects = expects;
        self.received = 0;
        self.left = match expects {
            Expect::Command => self.command,
            Expect::Content => self.block,
        };
    }

    /// `count` bytes came after a wait. Only a full block of content wins more time.
    pub(super) fn received(&mut self, count: usize, waited: Duration) {
        self.left = self.left.saturating_sub(waited);
        self.received += count;
        if self.expects == Expect::Content && self.received >= BLOCK {
            self.turn(Expect::Content);
        }
    }

    /// What is awaited.
    pub(super) fn expects(&self) -> Expect {
        self.expects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts =
        Timeouts { client_command_seconds: 300, client_data_seconds: 180, next_hop_command_seconds: 60, next_hop_final_reply_seconds: 120 };

    #[test]
    fn bytes_of_a_command_win_no_time() {
        let mut stall = Stall::new(&TIMEOUTS);
        stall.received(BLOCK * 2, Duration::from_secs(299));
        assert_eq!(stall.left(), Duration::from_secs(1));
    }

    #[test]
    fn a_full_block_of_content_wins_the_time_of_a_block() {
        let mut stall = Stall::new(&TIMEOUTS);
        stall.turn(Expect::Content);
        stall.received(BLOCK - 1, Duration::from_secs(100));
        assert_eq!(stall.left(), Duration::from_secs(80));
        stall.received(1, Duration::from_secs(79));
        assert_eq!(stall.left(), Duration::from_mins(3));
    }
}
