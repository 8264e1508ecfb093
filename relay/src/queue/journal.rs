//! What is written down of each recipient.

use std::time::Duration;

use jiff::Timestamp;
use postern_spool::{Entry, MessageId, SpoolError, Status};
use tokio::task::JoinError;
use tracing::{error, field::display, info, warn};

use super::{
    attempt::Verdict,
    metrics::{Class, Metrics, Result},
};
use crate::log::Shown;

/// A recipient was answered: what becomes of it is in the message's statuses by now.
pub(super) fn answered(metrics: &Metrics, entry: &Entry, verdict: &Verdict, class: Class, now: Timestamp) {
    let Verdict { place, reply, by, .. } = verdict;
    let (Some(recipient), Some(status)) = (entry.envelope().recipients.get(*place), entry.statuses().get(*place)) else { return };
    let age = Duration::try_from(now.duration_since(entry.envelope().arrival)).unwrap_or_default();
    let (result, message) = match status {
        Status::Delivered | Status::Relayed(_) => (Result::Delivered, "delivered"),
        Status::Pending(_) => (Result::Deferred, "not delivered yet"),
        Status::Failed(_) | Status::Returned(_) => (Result::Failed, "not delivered"),
    };
    metrics.delivery(result, class);
    if result == Result::Delivered {
        metrics.delivered_after(age);
    }
    let (id, to, next_hop, delay) = (entry.id(), Shown(&recipient.path), by.as_ref().map(display), age.as_secs_f64());
    let next_attempt = status.due().map(display);
    info!(%id, %to, next_hop, %reply, delay, next_attempt, "{message}");
}

/// Work on a message came to an early end. It is taken up again when its lease is over.
pub(super) fn interrupted(id: MessageId, error: &SpoolError) {
    match error {
        SpoolError::NotFound(_) | SpoolError::Closed => info!(%id, %error, "a message was left"),
        SpoolError::Fenced(_) => warn!(%id, %error, "a message was left to somebody else: it may be delivered twice"),
        _ => error!(%id, %error, "what became of a message can't be stored: it may be delivered twice"),
    }
}

/// A report can't be queued now.
pub(super) fn report_failed(id: MessageId, error: &SpoolError) {
    warn!(%id, %error, "what became of a message can't be reported yet");
}

/// A delivery came to an end that it should not have.
pub(super) fn broke_off(id: MessageId, error: &JoinError) {
    error!(%id, %error, "a delivery broke off");
}
