//! Stands where the network would be, and notes who was to get what.

use std::sync::{Arc, Mutex, PoisonError};

use postern_config::NextHops;
use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

use crate::{
    delivery::{self, Deliver, Destination},
    message::Message,
};

/// A recipient that reached a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The recipient as the next hop heard it.
    pub(super) recipient: String,
    /// The next hops that it was to go to.
    pub(super) next_hops: NextHops,
}

/// Takes every recipient and every message, and notes the recipients.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<Recorded>>>);

/// One transaction with no next hop.
#[derive(Debug)]
pub(super) struct Rehearsed {
    recorder: Recorder,
    next_hops: NextHops,
}

impl Recorder {
    /// What was noted since the last call.
    pub(super) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, recorded: Recorded) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
    }
}

impl Deliver for Recorder {
    type Transaction = Rehearsed;

    fn begin(&self, _: &MailFrom, to: &Arc<Destination>) -> Rehearsed {
        Rehearsed { recorder: self.clone(), next_hops: to.next_hops().clone() }
    }
}

impl delivery::Transaction for Rehearsed {
    async fn rcpt(&mut self, rcpt: &RcptTo) -> Reply {
        self.recorder.note(Recorded { recipient: rcpt.path.to_string(), next_hops: self.next_hops.clone() });
        Reply::new(250, (1, 5), "Noted")
    }

    async fn deliver(self, _: Message) -> Reply {
        Reply::new(250, (0, 0), "Noted")
    }

    fn abandon(self) {}
}
