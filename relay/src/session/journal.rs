//! What is written down about a session: a line of the log for each decision, and the counts.

use std::net::IpAddr;

use postern_proto::{
    address::ReversePath,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use tracing::{debug, field::display, info};

use super::{Metrics, content::Delivered, envelope::Asked, parties::Parties};
use crate::{
    listen::Connection,
    log::Shown,
    policy::{Identity, Refusal},
};

/// How many recipients a line of the log names; a message may have many.
const NAMED_RECIPIENTS: usize = 5;

/// Writes down what happens on one connection.
pub(super) struct Journal<'a> {
    connection: &'a Connection,
    metrics: &'a Metrics,
}

impl<'a> Journal<'a> {
    pub(super) fn new(connection: &'a Connection, metrics: &'a Metrics) -> Self {
        Self { connection, metrics }
    }

    fn listener(&self) -> &str {
        &self.connection.door.listener.name
    }

    fn client(&self) -> IpAddr {
        self.connection.client.address.ip()
    }

    /// A client sends more messages than it may.
    pub(super) fn rate_exceeded(&self, mail: &MailFrom) {
        self.metrics.rate_exceeded(self.listener());
        let (client, from) = (self.client(), Shown(&mail.path));
        info!(listener = self.listener(), %client, %from, "sender refused: too many messages of one client");
    }

    /// A client may not send, or not as this sender.
    pub(super) fn sender_refused(&self, mail: &MailFrom, identity: Option<&Identity>, refusal: Refusal) {
        self.metrics.sender_refused(self.listener(), refusal);
        let (client, from) = (self.client(), Shown(&mail.path));
        let identity = identity.map(|identity| &*identity.name);
        info!(listener = self.listener(), %client, identity, %from, reason = refusal.label(), "sender refused");
    }

    /// A sender was turned away because the listener requires TLS.
    pub(super) fn needs_tls(&self, sender: &ReversePath) {
        let domain = match sender {
            ReversePath::Null => None,
            ReversePath::Mailbox(mailbox) => mailbox.domain.to_a_label(),
        };
        self.metrics.needs_tls(self.listener(), domain.as_deref().unwrap_or("none"));
        let from = Shown(sender);
        info!(listener = self.listener(), client = %self.client(), %from, "sender refused: TLS is required, and the client did not begin it");
    }

    /// A recipient was answered.
    pub(super) fn recipient(&self, parties: &Parties, rcpt: &RcptTo, asked: &Asked, reply: &Reply) {
        match asked {
            Asked::Refused(refusal) => self.metrics.recipient_refused(self.listener(), *refusal),
            Asked::Answered(reply, _) => self.metrics.recipient_answered(self.listener(), reply),
        }
        let (id, client) = (parties.id, self.client());
        let (from, to) = (Shown(&parties.mail.path), Shown(&rcpt.path));
        if reply.is_positive() {
            debug!(%id, listener = self.listener(), %client, %from, %to, "recipient accepted");
        } else {
            info!(%id, listener = self.listener(), %client, %from, %to, by = by(asked), %reply, "recipient refused");
        }
    }

    /// The content of a message was refused while it came in.
    pub(super) fn content_refused(&self, parties: &Parties, reply: &Reply) {
        self.metrics.message_answered(self.listener(), reply, 0);
        let (id, client, from) = (parties.id, self.client(), Shown(&parties.mail.path));
        info!(%id, listener = self.listener(), %client, %from, %reply, "message refused");
    }

    /// A message was handed on, or could not be.
    pub(super) fn delivered(&self, Delivered { parties, reply, next_hop, bytes, stripped }: &Delivered) {
        self.metrics.message_answered(self.listener(), reply, *bytes);
        self.metrics.fields_stripped(self.listener(), *stripped);
        let (id, client, from) = (parties.id, self.client(), Shown(&parties.mail.path));
        let to = named(parties);
        let recipients = parties.accepted.len();
        let message = match (reply.is_positive(), next_hop) {
            (true, Some(_)) => "message delivered",
            (true, None) => "message queued",
            (false, _) => "message not taken",
        };
        let identity = parties.identity.as_ref().map(|identity| &*identity.name);
        let next_hop = next_hop.as_ref().map(display);
        info!(%id, listener = self.listener(), %client, identity, %from, to, recipients, bytes, stripped, next_hop, %reply, "{message}");
    }
}

/// Who refused a recipient.
fn by(asked: &Asked) -> String {
    match asked {
        Asked::Refused(_) => "policy".to_owned(),
        Asked::Answered(_, Some(peer)) => peer.to_string(),
        Asked::Answered(_, None) => "no next hop".to_owned(),
    }
}

fn named(parties: &Parties) -> String {
    let mut names = String::new();
    for rcpt in parties.accepted.iter().take(NAMED_RECIPIENTS) {
        use std::fmt::Write as _;
        let separator = if names.is_empty() { "" } else { ", " };
        // Writing to a String can't fail.
        let _ = write!(names, "{separator}{}", Shown(&rcpt.path));
    }
    names
}
