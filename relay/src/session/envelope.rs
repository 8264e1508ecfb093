//! A mail transaction (RFC 5321 section 3.3) up to its content: each recipient is asked of the policy, then of its next hop.

use std::sync::Arc;

use postern_config::Listener;
use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

use super::{content::Content, parties::Parties};
use crate::{
    delivery::{Deliver, Destination, Peer, Transaction as _, says_unknown},
    filter::HeaderFirewall,
    message::{HoldError, Store},
    policy::{Decision, Refusal, Request, Route, decide},
    snapshot::Snapshot,
};

/// A transaction whose recipients are being named. It keeps the configuration that it began with.
pub(super) struct Envelope<D: Deliver> {
    pub(super) parties: Parties,
    pub(super) snapshot: Arc<Snapshot>,
    onward: Option<Onward<D::Transaction>>,
}

/// The same transaction at the next hop.
struct Onward<T> {
    to: Arc<Destination>,
    transaction: T,
}

/// What became of a recipient.
pub(super) enum Asked {
    /// The policy refused it; nobody was asked.
    Refused(Refusal),
    /// A next hop answered, or the relay for it.
    Answered(Reply, Option<Peer>),
}

/// A transaction whose content can't come.
pub(super) struct Unreceived {
    pub(super) parties: Parties,
    /// The reply to DATA or BDAT.
    pub(super) reply: Reply,
}

impl Asked {
    /// What the client hears.
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Refused(refusal) => refusal.reply(),
            Self::Answered(reply, _) => reply.clone(),
        }
    }
}

impl<D: Deliver> Envelope<D> {
    pub(super) fn new(snapshot: Arc<Snapshot>, mail: MailFrom) -> Self {
        Self { parties: Parties::new(mail), snapshot, onward: None }
    }

    /// Asks the policy for a recipient, and then its next hop.
    pub(super) async fn rcpt(&mut self, deliver: &D, listener: &Listener, rcpt: &RcptTo) -> Asked {
        let snapshot = Arc::clone(&self.snapshot);
        let request = Request {
            role: listener.role,
            listener: &listener.name,
            identity: None,
            sender: &self.parties.mail.path,
            recipient: &rcpt.path,
        };
        let route = match decide(&snapshot.policy, &request) {
            Decision::Refuse(refusal) => return Asked::Refused(refusal),
            Decision::Relay(route) => route,
        };
        let reply = self.ask(deliver, &route, rcpt).await;
        if reply.is_positive() {
            self.parties.accepted.push(rcpt.clone());
        }
        let by = self.onward.as_ref().and_then(|onward| onward.transaction.next_hop());
        Asked::Answered(reply, by)
    }

    async fn ask(&mut self, deliver: &D, route: &Route<'_, Arc<Destination>>, asked: &RcptTo) -> Reply {
        let rcpt = RcptTo { path: route.recipient.clone(), ..asked.clone() };
        let reply = self.ask_at(deliver, route.to, &rcpt).await;
        match route.unknown_to {
            Some(other) if says_unknown(&reply) => self.ask_at(deliver, other, &rcpt).await,
            _ => reply,
        }
    }

    /// A transaction has one next hop: once that has accepted a recipient, recipients of another must come again.
    async fn ask_at(&mut self, deliver: &D, to: &Arc<Destination>, rcpt: &RcptTo) -> Reply {
        let onward = match &mut self.onward {
            Some(onward) if Arc::ptr_eq(&onward.to, to) => onward,
            Some(_) if !self.parties.accepted.is_empty() => return another_next_hop(),
            other => {
                if let Some(replaced) = other.take() {
                    replaced.transaction.abandon();
                }
                other.insert(Onward { to: Arc::clone(to), transaction: deliver.begin(&self.parties.mail, to) })
            }
        };
        onward.transaction.rcpt(rcpt).await
    }

    /// Makes room for the content, which begins with `trace`, our Received field.
    ///
    /// # Errors
    /// When there is no room; the transaction is over.
    pub(super) async fn receive(self, store: &Store, trace: &str) -> Result<Content<D>, Unreceived> {
        let Self { parties, snapshot, onward } = self;
        let Some(Onward { transaction, .. }) = onward else {
            return Err(Unreceived { parties, reply: no_recipient() });
        };
        let begun = async {
            let mut writer = store.writer(parties.mail.size)?;
            writer.append(trace.as_bytes()).await?;
            Ok::<_, HoldError>(writer)
        };
        match begun.await {
            Ok(writer) => {
                let firewall = HeaderFirewall::new(snapshot.configuration.root.hostname.clone());
                Ok(Content::new(parties, firewall, writer, transaction))
            }
            Err(error) => {
                transaction.abandon();
                Err(Unreceived { parties, reply: error.reply() })
            }
        }
    }

    /// Ends without content.
    pub(super) fn abandon(self) {
        if let Some(onward) = self.onward {
            onward.transaction.abandon();
        }
    }
}

fn another_next_hop() -> Reply {
    Reply::new(452, (5, 3), "This recipient has another next hop, send it in a transaction of its own")
}

/// The protocol asks for content only after a positive answer to RCPT, so nobody ever hears this.
fn no_recipient() -> Reply {
    Reply::new(554, (5, 1), "No valid recipients")
}
