//! A message of the queue, without its content.

use jiff::Timestamp;

use super::{Envelope, MessageId, Recipient, Status};

/// A message of the queue, without its content: its envelope, and a status for each recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: MessageId,
    envelope: Envelope,
    statuses: Vec<Status>,
}

/// A message as queue tools see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The message.
    pub entry: Entry,
    /// Size of its content, in bytes.
    pub body_bytes: u64,
    /// When it may be claimed next, in whole milliseconds.
    pub due: Timestamp,
    /// Whether it was told to wait ([`hold`](crate::Spool::hold)).
    pub held: bool,
    /// Whether somebody has claimed it.
    pub claimed: bool,
}

impl Entry {
    /// A message that is new: each recipient's first attempt is due when it arrives.
    #[must_use]
    pub fn new(id: MessageId, envelope: Envelope) -> Self {
        let statuses = envelope.recipients.iter().map(|_| Status::first(envelope.arrival)).collect();
        Self { id, envelope, statuses }
    }

    /// A message with the statuses that it had; `None` unless there is one for each recipient.
    pub(crate) fn with_statuses(id: MessageId, envelope: Envelope, statuses: Vec<Status>) -> Option<Self> {
        (statuses.len() == envelope.recipients.len()).then_some(Self { id, envelope, statuses })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Its envelope.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// How far each recipient is, in the order of the envelope.
    #[must_use]
    pub fn statuses(&self) -> &[Status] {
        &self.statuses
    }

    /// The same, to be changed.
    pub fn statuses_mut(&mut self) -> &mut [Status] {
        &mut self.statuses
    }

    /// Each recipient with its status.
    pub fn recipients(&self) -> impl Iterator<Item = (&Recipient, &Status)> {
        self.envelope.recipients.iter().zip(&self.statuses)
    }

    /// When it wants to be claimed: when the first recipient is to be tried, and at once when none is left to try, so that it is finished.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.statuses.iter().filter_map(Status::due).min().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
