//! How long a next hop may take, so that the client behind us never gives up first.

use std::time::Duration;

use postern_config::Timeouts;
use tokio::time::Instant;

/// A client waits 300 seconds for its RCPT (RFC 5321 section 4.5.3.2.3). Looking for a next hop that answers ends before that.
const FIRST_RECIPIENT: Duration = Duration::from_mins(4);
/// A client waits 600 seconds for the reply to its last dot (section 4.5.3.2.6). All that happens between its dot and our reply ends before.
const AFTER_CLIENTS_DOT: Duration = Duration::from_secs(570);
/// For RSET and QUIT: a connection that does not answer these is not worth more.
const TIDYING: Duration = Duration::from_secs(10);

/// For finding out whether a domain takes mail, while a client waits for its RCPT.
const DOMAIN: Duration = Duration::from_secs(5);

/// The deadlines of one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadlines {
    /// For each step up to the reply to DATA, and for each piece of the content to be taken.
    step: Duration,
    /// For the reply to the end of data.
    final_reply: Duration,
}

/// Steps that each have a deadline, and have one all together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    step: Duration,
    end: Instant,
}

impl Deadlines {
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        Self {
            step: Duration::from_secs(timeouts.next_hop_command_seconds.into()),
            final_reply: Duration::from_secs(timeouts.next_hop_final_reply_seconds.into()),
        }
    }

    /// For everything up to the reply to the first recipient, over all hosts that are asked.
    pub(super) fn first_recipient(&self) -> Limit {
        self.limit(FIRST_RECIPIENT)
    }

    /// For another recipient.
    pub(super) fn recipient(&self) -> Limit {
        self.limit(self.step)
    }

    /// For DATA and the content together: what the final reply leaves of the client's patience.
    pub(super) fn content(&self) -> Limit {
        self.limit(AFTER_CLIENTS_DOT.saturating_sub(self.final_reply))
    }

    /// For the reply to the end of data.
    pub(super) fn final_reply(&self) -> Limit {
        Limit { step: self.final_reply, end: Instant::now() + self.final_reply }
    }

    fn limit(&self, all: Duration) -> Limit {
        Limit { step: self.step, end: Instant::now() + all }
    }
}

impl Limit {
    /// For a domain that someone asks about before mail goes there.
    pub(super) fn domain() -> Self {
        Self { step: DOMAIN, end: Instant::now() + DOMAIN }
    }

    /// For commands between transactions.
    pub(super) fn tidying() -> Self {
        Self { step: TIDYING, end: Instant::now() + TIDYING }
    }

    /// When a step that begins now must be over.
    pub(super) fn next(&self) -> Instant {
        self.end.min(Instant::now() + self.step)
    }

    /// Whether no step may begin any more.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}
