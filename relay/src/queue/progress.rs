//! What becomes of a recipient after a transaction. Pure, but for chance.

use std::time::Duration;

use jiff::Timestamp;
use postern_config::RetryTimes;
use postern_proto::reply::{EnhancedCode, Reply};
use postern_spool::{Envelope, Failure, Relayed, Retry, Status};
use rand::RngExt as _;

use super::{
    attempt::Verdict,
    notify::{addressee, wants},
    report::Kind,
    retry::{JITTER, after_attempt, behind_block, later},
};
use crate::delivery::Peer;

/// The times that count for a recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'a> {
    pub(super) envelope: &'a Envelope,
    pub(super) times: RetryTimes,
    pub(super) now: Timestamp,
}

impl Clock<'_> {
    /// After a verdict. A recipient that waits for none keeps its status.
    pub(super) fn after(&self, status: &mut Status, verdict: &Verdict) {
        let Status::Pending(retry) = status else { return };
        *status = if verdict.reply.is_positive() {
            self.taken(verdict)
        } else {
            let failure = failure(&verdict.reply, verdict.by.as_ref(), self.now);
            let spread = rand::rng().random_range(JITTER);
            after_attempt(failure, retry, self.envelope, self.times, self.now, spread)
        };
    }

    /// The next hop has it. If it does not report itself, it is for us to tell, where that is wanted.
    fn taken(&self, Verdict { place, by, reports_itself, .. }: &Verdict) -> Status {
        let notify = self.envelope.recipients.get(*place).and_then(|recipient| recipient.notify);
        match by {
            Some(by) if !reports_itself && wants(notify, Kind::Relayed) && addressee(self.envelope).is_ok() => {
                Status::Relayed(Relayed { by: by.host().to_owned(), at: self.now })
            }
            _ => Status::Delivered,
        }
    }

    /// It was not tried, since its site can't be reached for so long.
    pub(super) fn blocked(&self, status: &mut Status, wait: Duration, reason: &Failure) {
        let Status::Pending(retry) = status else { return };
        *status = behind_block(later(self.now, wait), reason.clone(), retry, self.envelope, self.now);
    }

    /// It was not tried, since too many wait for the same site.
    pub(super) fn put_back(&self, status: &mut Status, wait: Duration) {
        let Status::Pending(Retry { next, .. }) = status else { return };
        *next = later(self.now, wait);
    }
}

/// A reply as it is kept.
pub(super) fn failure(reply: &Reply, by: Option<&Peer>, now: Timestamp) -> Failure {
    let EnhancedCode { class, subject, detail } = reply.enhanced.unwrap_or_else(|| {
        let class = if reply.is_transient() { 4 } else { 5 };
        EnhancedCode { class, subject: 0, detail: 0 }
    });
    let mut failure = Failure::new(reply.code, (class, subject, detail), &reply.text);
    failure.by = by.map(|by| by.host().to_owned());
    failure.at = Some(now);
    failure
}
