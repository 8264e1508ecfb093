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
    #[must_use]
    pub fn with_statuses(id: MessageId, envelope: Envelope, statuses: Vec<Status>) -> Option<Self> {
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

    /// When it wants to be claimed: when the first recipient is to be tried; at once when none is left to try, so that it is finished, and
    /// when the sender is owed a report.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        if self.statuses.iter().any(Status::is_owed_report) {
            return Timestamp::UNIX_EPOCH;
        }
        self.statuses.iter().filter_map(Status::due).min().unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use postern_proto::address::ForwardPath;

    use super::*;
    use crate::{DsnRequest, Failure, Origin};

    fn entry(statuses: Vec<Status>) -> Entry {
        let arrival = Timestamp::UNIX_EPOCH + 1.hour();
        let envelope = Envelope {
            reverse_path: postern_proto::address::ReversePath::Null,
            recipients: [(); 2].map(|()| Recipient::new(ForwardPath::Postmaster)).to_vec(),
            body: None,
            smtputf8: false,
            dsn: DsnRequest::default(),
            arrival,
            expires: arrival + 1.hour(),
            listener: "submission".to_owned(),
            origin: Origin::Anyone,
        };
        Entry { id: MessageId::new(), envelope, statuses }
    }

    #[test]
    fn a_message_that_owes_a_report_is_due_at_once() {
        let later = Timestamp::UNIX_EPOCH + 9.hours();
        let failure = Failure::new(550, (5, 1, 1), "no such user");
        assert_eq!(entry(vec![Status::Failed(failure.clone()), Status::first(later)]).due(), Timestamp::UNIX_EPOCH);
        assert_eq!(entry(vec![Status::Returned(failure), Status::first(later)]).due(), later);
    }
}
