//! One transaction: the recipients of one message that share a destination.

use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_spool::{Envelope, Recipient, Spool};

use super::{
    content::Content,
    plan::{Addressee, Group, join},
};
use crate::delivery::{Handover, Outbound, Peer, Transaction as _, says_unknown};

/// What came of a transaction.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What was said about recipients, by their place in the envelope.
    pub(super) verdicts: Vec<Verdict>,
    /// Who goes elsewhere now, or once more: not known there, or one too many for a transaction.
    pub(super) onward: Vec<Group>,
    /// No server of the site could be asked, for this reason.
    pub(super) unreachable: Option<Reply>,
    /// The message is not what was stored, and nobody got it.
    pub(super) is_corrupt: bool,
}

/// The last word on a recipient, as far as this transaction goes.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Its place in the envelope.
    pub(super) place: usize,
    /// What the next hop said, or the relay for it.
    pub(super) reply: Reply,
    /// The server, if one was asked.
    pub(super) by: Option<Peer>,
    /// Whether that server tells the sender of its success, if it is to be told.
    pub(super) reports_itself: bool,
}

impl Verdict {
    /// What the relay itself says.
    pub(super) fn own(place: usize, reply: Reply) -> Self {
        Self { place, reply, by: None, reports_itself: false }
    }
}

/// A transaction under way.
struct Attempt<'a> {
    group: &'a Group,
    handover: Handover,
    outcome: Outcome,
    taken: Vec<&'a Addressee>,
}

/// Makes one transaction of `group`. It must be awaited to its end: when it is dropped, the message may have been delivered all the same.
pub(super) async fn attempt<S: Spool>(outbound: &Outbound, envelope: &Envelope, group: &Group, mut content: Content<'_, S>) -> Outcome {
    let mail = MailFrom {
        path: envelope.reverse_path.clone(),
        size: Some(content.bytes()),
        body: envelope.body,
        smtputf8: envelope.smtputf8,
        dsn: envelope.dsn.clone(),
    };
    let handover = outbound.begin(&mail, &group.to);
    let mut attempt = Attempt { group, handover, outcome: Outcome::default(), taken: Vec::new() };
    for addressee in &group.addressees {
        if let Some(recipient) = envelope.recipients.get(addressee.place) {
            attempt.ask(addressee, recipient).await;
        }
    }
    attempt.hand_over(&mut content).await
}

impl<'a> Attempt<'a> {
    async fn ask(&mut self, addressee: &'a Addressee, recipient: &Recipient) {
        let rcpt = RcptTo { path: addressee.path.clone(), notify: recipient.notify, original: recipient.original.clone() };
        let reply = self.handover.rcpt(&rcpt).await;
        let by = self.handover.next_hop();
        if reply.is_transient() && by.is_none() {
            self.outcome.unreachable.get_or_insert_with(|| reply.clone());
        }
        match &addressee.unknown_to {
            _ if reply.is_positive() => self.taken.push(addressee),
            Some(other) if says_unknown(&reply) => {
                join(&mut self.outcome.onward, other, self.group.class, Addressee { unknown_to: None, ..addressee.clone() });
            }
            _ if !self.taken.is_empty() && is_one_too_many(&reply) => {
                join(&mut self.outcome.onward, &self.group.to, self.group.class, addressee.clone());
            }
            _ => self.outcome.verdicts.push(Verdict { place: addressee.place, reply, by, reports_itself: false }),
        }
    }

    async fn hand_over<S: Spool>(self, content: &mut Content<'_, S>) -> Outcome {
        let Self { handover, mut outcome, taken, .. } = self;
        if taken.is_empty() {
            return outcome;
        }
        let (by, reports_itself) = (handover.next_hop(), handover.reports_itself());
        let reply = handover.hand_over_from(&mut *content).await;
        outcome.is_corrupt = content.is_corrupt();
        let verdict = |addressee: &&Addressee| Verdict { place: addressee.place, reply: reply.clone(), by: by.clone(), reports_itself };
        outcome.verdicts.extend(taken.iter().map(verdict));
        outcome
    }
}

/// Whether a server that took others before wants this recipient in a transaction of its own (RFC 5321 section 4.5.3.1.10). Without an enhanced
/// code it was given 4.0.0.
fn is_one_too_many(reply: &Reply) -> bool {
    reply.code == 452 && reply.enhanced.is_none_or(|code| matches!((code.subject, code.detail), (5, 3) | (0, 0)))
}
