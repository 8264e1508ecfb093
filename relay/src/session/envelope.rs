//! A mail transaction (RFC 5321 section 3.3) up to its content: each recipient is asked of the policy, and then of its next hop, unless the
//! message is to be queued.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use postern_config::{Delivery, Listener, Role};
use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_spool::{Entry, Origin, Recipient};

use super::{Service, content::Content, held::Held, parties::Parties};
use crate::{
    delivery::{Deliver, Destination, Peer, Transaction as _, says_unknown},
    filter::{Completion, HeaderFirewall},
    intake::{Intake, unqueued},
    message::HoldError,
    policy::{Decision, Refusal, Request, Route, decide},
    snapshot::{Door, Snapshot},
};

/// A transaction whose recipients are being named. It keeps the configuration that it began with.
pub(super) struct Envelope<D: Deliver> {
    pub(super) parties: Parties,
    pub(super) snapshot: Arc<Snapshot>,
    onward: Onward<D::Transaction>,
}

/// How the message goes on.
enum Onward<T> {
    /// To a next hop, which is asked while the client waits; once a recipient has chosen it.
    PassThrough(Option<Leg<T>>),
    /// Into the queue.
    Queue,
}

/// The same transaction at the next hop.
struct Leg<T> {
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
    pub(super) fn new(snapshot: Arc<Snapshot>, listener: &Listener, parties: Parties) -> Self {
        let onward = match listener.delivery {
            Delivery::PassThrough => Onward::PassThrough(None),
            Delivery::Spool => Onward::Queue,
        };
        Self { parties, snapshot, onward }
    }

    /// Asks the policy for a recipient, and then its next hop.
    pub(super) async fn rcpt<Q: Intake>(&mut self, service: &Service<D, Q>, listener: &Listener, rcpt: &RcptTo) -> Asked {
        let snapshot = Arc::clone(&self.snapshot);
        let request = Request {
            role: listener.role,
            listener: &listener.name,
            identity: self.parties.identity.as_ref(),
            sender: &self.parties.mail.path,
            recipient: &rcpt.path,
        };
        let route = match decide(&snapshot.policy, &request) {
            Decision::Refuse(refusal) => return Asked::Refused(refusal),
            Decision::Relay(route) => route,
        };
        let reply = match &self.onward {
            Onward::PassThrough(_) => self.ask(&service.deliver, &route, rcpt).await,
            Onward::Queue if listener.role == Role::Inbound && !route.is_listed => {
                ask_ahead(&service.deliver, &self.parties.mail, &route).await
            }
            Onward::Queue => may_be_queued(&service.queue, &route).await,
        };
        if reply.is_positive() {
            self.parties.accepted.push(rcpt.clone());
        }
        Asked::Answered(reply, self.next_hop())
    }

    fn next_hop(&self) -> Option<Peer> {
        match &self.onward {
            Onward::PassThrough(leg) => leg.as_ref().and_then(|leg| leg.transaction.next_hop()),
            Onward::Queue => None,
        }
    }

    async fn ask(&mut self, deliver: &D, route: &Route<'_, Arc<Destination>>, rcpt: &RcptTo) -> Reply {
        let rcpt = RcptTo { path: route.recipient.clone(), ..rcpt.clone() };
        let reply = self.ask_at(deliver, route.to, &rcpt).await;
        match route.unknown_to {
            Some(other) if says_unknown(&reply) => self.ask_at(deliver, other, &rcpt).await,
            _ => reply,
        }
    }

    /// A transaction has one next hop: once that has accepted a recipient, recipients of another must come again.
    async fn ask_at(&mut self, deliver: &D, to: &Arc<Destination>, rcpt: &RcptTo) -> Reply {
        let Onward::PassThrough(leg) = &mut self.onward else { return no_recipient() };
        let leg = match leg {
            Some(leg) if Arc::ptr_eq(&leg.to, to) => leg,
            Some(_) if !self.parties.accepted.is_empty() => return another_next_hop(),
            other => {
                if let Some(replaced) = other.take() {
                    replaced.transaction.abandon();
                }
                other.insert(Leg { to: Arc::clone(to), transaction: deliver.begin(&self.parties.mail, to) })
            }
        };
        leg.transaction.rcpt(rcpt).await
    }

    /// Makes room for the content, which begins with `trace`, our Received field.
    ///
    /// # Errors
    /// When there is no room; the transaction is over.
    pub(super) async fn receive<Q: Intake>(self, service: &Service<D, Q>, door: &Door, trace: &str) -> Result<Content<D, Q>, Unreceived> {
        let Self { parties, snapshot, onward } = self;
        let firewall = firewall(&parties, &snapshot, door);
        let held = match onward {
            Onward::PassThrough(None) => Err(no_recipient()),
            Onward::PassThrough(Some(leg)) => pass_through(service, &parties.mail, leg.transaction, trace).await,
            Onward::Queue => queue(service, &parties, &snapshot, door, trace).await,
        };
        match held {
            Ok(held) => Ok(Content::new(parties, firewall, held)),
            Err(reply) => Err(Unreceived { parties, reply }),
        }
    }

    /// Ends without content.
    pub(super) fn abandon(self) {
        if let Onward::PassThrough(Some(leg)) = self.onward {
            leg.transaction.abandon();
        }
    }
}

async fn may_be_queued<Q: Intake>(queue: &Q, route: &Route<'_, Arc<Destination>>) -> Reply {
    match queue.has_nowhere_to_go(route.to, route.recipient).await {
        Some(refusal) => refusal,
        None => Reply::new(250, (1, 5), "Recipient ok"),
    }
}

/// Asks whether the recipient exists, in a transaction that is given up at once: a stranger's mail that can't be delivered later could only be
/// lost, or sent back to somebody who never sent it.
async fn ask_ahead<D: Deliver>(deliver: &D, mail: &MailFrom, route: &Route<'_, Arc<Destination>>) -> Reply {
    let rcpt = RcptTo::new(route.recipient.clone());
    let ask = async |to: &Arc<Destination>| {
        let mut transaction = deliver.begin(mail, to);
        let reply = transaction.rcpt(&rcpt).await;
        transaction.abandon();
        reply
    };
    let reply = ask(route.to).await;
    match route.unknown_to {
        Some(other) if says_unknown(&reply) => ask(other).await,
        _ => reply,
    }
}

/// What the header section of a message must have, and must not.
fn firewall(parties: &Parties, snapshot: &Snapshot, door: &Door) -> HeaderFirewall {
    let host = &snapshot.configuration.root.hostname;
    let firewall = HeaderFirewall::new(host.clone());
    match door.listener.role {
        Role::Inbound => firewall,
        Role::Submission => firewall.completing(Completion::new(Timestamp::now(), &parties.id.to_string(), host)),
        Role::Trusted => firewall.requiring(door.trust.as_ref().and_then(|trust| trust.tenant.clone())),
    }
}

async fn pass_through<D: Deliver, Q: Intake>(
    service: &Service<D, Q>,
    mail: &MailFrom,
    transaction: D::Transaction,
    trace: &str,
) -> Result<Held<D, Q>, Reply> {
    let begun = async {
        let mut writer = service.store.writer(mail.size)?;
        writer.append(trace.as_bytes()).await?;
        Ok::<_, HoldError>(writer)
    };
    match begun.await {
        Ok(writer) => Ok(Held::Onward { writer, transaction }),
        Err(error) => {
            transaction.abandon();
            Err(error.reply())
        }
    }
}

async fn queue<D: Deliver, Q: Intake>(
    service: &Service<D, Q>,
    parties: &Parties,
    snapshot: &Snapshot,
    door: &Door,
    trace: &str,
) -> Result<Held<D, Q>, Reply> {
    let Some(entry) = entry(parties, snapshot, &door.listener) else { return Err(not_configured()) };
    let share = service.store.share(parties.mail.size).map_err(|error| error.reply())?;
    let writer = service.queue.begin(entry).await.map_err(|error| unqueued(&error))?;
    let mut held = Held::Queue { writer, bytes: 0, share };
    held.append(trace.as_bytes()).await.map_err(|error| error.reply())?;
    Ok(held)
}

/// The message as the queue knows it. `None` when the configuration says nothing of a queue, which its check does not let pass.
fn entry(parties: &Parties, snapshot: &Snapshot, listener: &Listener) -> Option<Entry> {
    let spool = snapshot.configuration.root.spool.as_ref()?;
    let arrival = Timestamp::now();
    let recipients = parties.accepted.iter();
    let envelope = postern_spool::Envelope {
        reverse_path: parties.mail.path.clone(),
        recipients: recipients.map(recipient).collect(),
        body: parties.mail.body,
        smtputf8: parties.mail.smtputf8,
        dsn: parties.mail.dsn.clone(),
        arrival,
        expires: arrival.checked_add(i64::from(spool.lifetime_seconds).seconds()).unwrap_or(Timestamp::MAX),
        listener: listener.name.clone(),
        origin: match &parties.identity {
            Some(identity) => Origin::Identity(identity.name.to_string()),
            None => Origin::Anyone,
        },
    };
    Some(Entry::new(parties.id.into(), envelope))
}

fn recipient(rcpt: &RcptTo) -> Recipient {
    Recipient { path: rcpt.path.clone(), original: rcpt.original.clone(), notify: rcpt.notify }
}

fn another_next_hop() -> Reply {
    Reply::new(452, (5, 3), "This recipient has another next hop, send it in a transaction of its own")
}

fn not_configured() -> Reply {
    Reply::new(451, (3, 5), "No queue is set up here, try again later")
}

/// The protocol asks for content only after a positive answer to RCPT, so nobody ever hears this.
fn no_recipient() -> Reply {
    Reply::new(554, (5, 1), "No valid recipients")
}
