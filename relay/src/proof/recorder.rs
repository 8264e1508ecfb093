//! Stands where the network would be, and notes who was to get what.

use std::sync::{Arc, Mutex, PoisonError};

use postern_config::RouteTarget;
use postern_proto::{
    address::ForwardPath,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

use postern_spool::{Entry, MessageId, SpoolError, Writer};

use crate::{
    delivery::{self, Deliver, Destination},
    intake::Intake,
    message::Message,
};

/// A recipient that reached a next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The recipient as the next hop heard it.
    pub(super) recipient: String,
    /// Where it was to go.
    pub(super) to: RouteTarget,
}

/// Takes every recipient and every message, and notes the recipients.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<Recorded>>>);

/// One transaction with no next hop.
#[derive(Debug)]
pub(super) struct Rehearsed {
    recorder: Recorder,
    to: RouteTarget,
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
        Rehearsed { recorder: self.clone(), to: to.target().clone() }
    }
}

impl delivery::Transaction for Rehearsed {
    async fn rcpt(&mut self, rcpt: &RcptTo) -> Reply {
        self.recorder.note(Recorded { recipient: rcpt.path.to_string(), to: self.to.clone() });
        Reply::new(250, (1, 5), "Noted")
    }

    async fn deliver(self, _: Message) -> Reply {
        Reply::new(250, (0, 0), "Noted")
    }

    fn abandon(self) {}
}

/// Forgets the content of a message that would be queued.
#[derive(Debug)]
pub(super) struct Forgotten(MessageId);

impl Intake for Recorder {
    type Writer = Forgotten;

    async fn has_nowhere_to_go(&self, to: &Arc<Destination>, recipient: &ForwardPath) -> Option<Reply> {
        self.note(Recorded { recipient: recipient.to_string(), to: to.target().clone() });
        None
    }

    async fn begin(&self, entry: Entry) -> Result<Forgotten, SpoolError> {
        Ok(Forgotten(entry.id()))
    }
}

impl Writer for Forgotten {
    async fn append(&mut self, _: &[u8]) -> Result<(), SpoolError> {
        Ok(())
    }

    fn hold(&mut self) {}

    async fn commit(self) -> Result<MessageId, SpoolError> {
        Ok(self.0)
    }
}
