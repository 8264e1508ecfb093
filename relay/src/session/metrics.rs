//! What is counted of sessions.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use postern_proto::reply::Reply;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use crate::policy::Refusal;

/// Counts of what clients asked and what they heard.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `postern_recipients_total{listener,outcome}`: recipients by what was answered: `accepted`, the policy's refusal (`not_accepted`,
    /// `no_domains`, `detached`, `blocked`, `unknown_recipient`, `no_postmaster`), or what the next hop made of it (`next_hop_transient`,
    /// `next_hop_permanent`).
    recipients: Family<Outcome, Counter>,
    /// `postern_messages_total{listener,outcome}`: messages by the reply to their end: `delivered` (or queued), `transient` (4xx) or
    /// `permanent` (5xx).
    messages: Family<Outcome, Counter>,
    /// `postern_message_bytes_total{listener}`: bytes of the messages that were delivered.
    bytes: Family<ListenerLabel, Counter>,
    /// `postern_header_fields_stripped_total{listener}`: header fields that the header firewall took out of messages.
    stripped: Family<ListenerLabel, Counter>,
    /// `postern_transactions_refused_total{listener,reason}`: MAIL that was refused: `rate` (too many messages of one client), or
    /// the policy's refusal (`not_authenticated`, `not_trusted`, `sender_not_allowed`).
    transactions_refused: Family<Reason, Counter>,
    /// `postern_senders_refused_without_tls_total{listener,domain}`: MAIL in clear where TLS is required, by the sender's domain. The first
    /// 200 domains have a count of their own, all later ones share `other`; `none` is the null sender and address literals.
    without_tls: Family<SenderDomain, Counter>,
    without_tls_domains: Arc<Mutex<HashSet<Box<str>>>>,
}

/// Domains that have a count of their own. Strangers choose the names, so there must be a bound.
const COUNTED_DOMAINS: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SenderDomain {
    listener: String,
    domain: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    listener: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    listener: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: String,
}

impl Metrics {
    /// Registers the counts.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("postern_recipients", "Recipients by what was answered", metrics.recipients.clone());
        registry.register("postern_messages", "Messages by the reply to their end", metrics.messages.clone());
        registry.register("postern_header_fields_stripped", "Header fields that were stripped from messages", metrics.stripped.clone());
        registry.register("postern_message_bytes", "Bytes of the messages that were delivered", metrics.bytes.clone());
        registry.register("postern_transactions_refused", "MAIL that was refused", metrics.transactions_refused.clone());
        registry.register("postern_senders_refused_without_tls", "MAIL in clear where TLS is required", metrics.without_tls.clone());
        metrics
    }

    pub(super) fn recipient_refused(&self, listener: &str, refusal: Refusal) {
        self.recipients.get_or_create(&Outcome { listener: listener.to_owned(), outcome: refusal.label() }).inc();
    }

    pub(super) fn recipient_answered(&self, listener: &str, reply: &Reply) {
        let outcome = by_class(reply, ["accepted", "next_hop_transient", "next_hop_permanent"]);
        self.recipients.get_or_create(&Outcome { listener: listener.to_owned(), outcome }).inc();
    }

    pub(super) fn message_answered(&self, listener: &str, reply: &Reply, bytes: u64) {
        let outcome = by_class(reply, ["delivered", "transient", "permanent"]);
        self.messages.get_or_create(&Outcome { listener: listener.to_owned(), outcome }).inc();
        if reply.is_positive() {
            self.bytes.get_or_create(&ListenerLabel { listener: listener.to_owned() }).inc_by(bytes);
        }
    }

    pub(super) fn needs_tls(&self, listener: &str, domain: &str) {
        let mut counted = self.without_tls_domains.lock().unwrap_or_else(PoisonError::into_inner);
        let has_count = counted.contains(domain) || (counted.len() < COUNTED_DOMAINS && counted.insert(domain.into()));
        let domain = if has_count { domain } else { "other" }.to_owned();
        self.without_tls.get_or_create(&SenderDomain { listener: listener.to_owned(), domain }).inc();
    }

    pub(super) fn fields_stripped(&self, listener: &str, count: u32) {
        if count > 0 {
            self.stripped.get_or_create(&ListenerLabel { listener: listener.to_owned() }).inc_by(count.into());
        }
    }

    pub(super) fn sender_refused(&self, listener: &str, refusal: Refusal) {
        self.transactions_refused.get_or_create(&Reason { listener: listener.to_owned(), reason: refusal.label() }).inc();
    }

    pub(super) fn rate_exceeded(&self, listener: &str) {
        self.transactions_refused.get_or_create(&Reason { listener: listener.to_owned(), reason: "rate" }).inc();
    }
}

fn by_class(reply: &Reply, [positive, transient, permanent]: [&'static str; 3]) -> &'static str {
    if reply.is_positive() {
        positive
    } else if reply.is_transient() {
        transient
    } else {
        permanent
    }
}
