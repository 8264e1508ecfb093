//! Who is told what. Pure.

use jiff::Timestamp;
use postern_proto::address::{Mailbox, ReversePath};
use postern_spool::{Entry, Envelope, MessageId, Notify, Origin, Status};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::report::Kind;

/// Why nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suppressed {
    /// The message is a report itself, or wants none: its sender is null (RFC 5321 section 4.5.5).
    NullSender,
    /// Nobody vouches for the sender: the report would go to whom a stranger named.
    UnknownSender,
}

impl Suppressed {
    /// As metrics and logs call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NullSender => "null_sender",
            Self::UnknownSender => "unknown_sender",
        }
    }
}

/// Where reports about a message go.
pub(super) fn addressee(envelope: &Envelope) -> Result<&Mailbox, Suppressed> {
    match (&envelope.reverse_path, &envelope.origin) {
        (ReversePath::Null, _) | (_, Origin::Relay) => Err(Suppressed::NullSender),
        (ReversePath::Mailbox(_), Origin::Anyone) => Err(Suppressed::UnknownSender),
        (ReversePath::Mailbox(mailbox), Origin::Identity(_)) => Ok(mailbox),
    }
}

/// Whether the sender wants to hear of this (RFC 3461 section 4.1). Who says nothing wants to hear of trouble.
pub(super) fn wants(notify: Option<Notify>, kind: Kind) -> bool {
    match (notify, kind) {
        (None, Kind::Failed | Kind::Delayed) => true,
        (None, Kind::Relayed) | (Some(Notify::Never), _) => false,
        (Some(Notify::On { success, .. }), Kind::Relayed) => success,
        (Some(Notify::On { failure, .. }), Kind::Failed) => failure,
        (Some(Notify::On { delay, .. }), Kind::Delayed) => delay,
    }
}

/// The recipients, by their places, whose sender is yet to be told of `kind`, whether it wants to hear it or not. Those who wait are late
/// when `is_late`.
pub(super) fn owed(entry: &Entry, kind: Kind, is_late: bool) -> Vec<usize> {
    let is_owed = |status: &Status| match (kind, status) {
        (Kind::Failed, Status::Failed(_)) | (Kind::Relayed, Status::Relayed(_)) => true,
        (Kind::Delayed, Status::Pending(retry)) => is_late && !retry.delay_told,
        _ => false,
    };
    entry.statuses().iter().enumerate().filter(|(_, status)| is_owed(status)).map(|(place, _)| place).collect()
}

/// Notes that the sender was told, or is not to be.
pub(super) fn mark_told(status: &mut Status) {
    match status {
        Status::Failed(failure) => *status = Status::Returned(failure.clone()),
        Status::Relayed(_) => *status = Status::Delivered,
        Status::Pending(retry) => retry.delay_told = true,
        Status::Delivered | Status::Returned(_) => {}
    }
}

/// The name of the report on these recipients. It is the same each time, so that a report that was queued before a crash is not queued again
/// after it.
pub(super) fn report_id(entry: &Entry, kind: Kind, places: &[usize]) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(Uuid::from(entry.id()).as_bytes());
    hash.update(kind.name());
    for place in places {
        hash.update(place.to_be_bytes());
    }
    let mut random = [0; 10];
    random.copy_from_slice(&hash.finalize()[..10]);
    let happened = places.iter().filter_map(|&place| happened_at(entry.statuses().get(place)?)).max();
    let millis = happened.unwrap_or(entry.envelope().arrival).as_millisecond();
    Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &random).into_uuid().into()
}

fn happened_at(status: &Status) -> Option<Timestamp> {
    match status {
        Status::Relayed(relayed) => Some(relayed.at),
        other => other.failure()?.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 3] = [Kind::Failed, Kind::Delayed, Kind::Relayed];

    #[test]
    fn a_sender_hears_what_it_asked_for() {
        let on = |success, failure, delay| Some(Notify::On { success, failure, delay });
        for (notify, heard) in [
            (None, [true, true, false]),
            (Some(Notify::Never), [false; 3]),
            (on(true, false, false), [false, false, true]),
            (on(false, true, false), [true, false, false]),
            (on(false, false, true), [false, true, false]),
        ] {
            assert_eq!(ALL.map(|kind| wants(notify, kind)), heard, "{notify:?}");
        }
    }
}
