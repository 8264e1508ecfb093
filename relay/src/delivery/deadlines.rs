//! How long a next hop may take, so that the client behind us never gives up first.

use std::time::Duration;

use postern_config::Timeouts;

/// A client waits 300 seconds for its RCPT (RFC 5321 section 4.5.3.2.3). Looking for a next hop that answers ends before that.
const FIRST_RECIPIENT: Duration = Duration::from_mins(4);
/// A client waits 600 seconds for the reply to its last dot (section 4.5.3.2.6). All that happens between its dot and our reply ends before.
const AFTER_CLIENTS_DOT: Duration = Duration::from_secs(570);

/// The deadlines of one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// For each step up to the reply to DATA, and for each piece of the content to be taken.
    pub(super) step: Duration,
    /// For the reply to the end of data.
    pub(super) final_reply: Duration,
}

impl Deadlines {
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        Self {
            step: Duration::from_secs(timeouts.next_hop_command_seconds.into()),
            final_reply: Duration::from_secs(timeouts.next_hop_final_reply_seconds.into()),
        }
    }

    /// For everything up to the reply to the first recipient, over all hosts that are asked.
    pub(super) fn first_recipient() -> Duration {
        FIRST_RECIPIENT
    }

    /// For DATA and the content together: what the final reply leaves of the client's patience.
    pub(super) fn content(&self) -> Duration {
        AFTER_CLIENTS_DOT.saturating_sub(self.final_reply)
    }
}
