//! What is counted of next hops.

use std::time::Duration;

use postern_proto::reply::Reply;
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::fault::Step;

type Label = (&'static str, &'static str);

/// The metrics of this component.
#[derive(Clone, Debug)]
pub struct Metrics {
    connections: Family<[Label; 1], Counter>,
    failures: Family<[Label; 1], Counter>,
    replies: Family<[Label; 2], Counter>,
    durations: Family<[Label; 1], Histogram>,
    /// Transactions that found a connection to use again
    pub(super) reused: Counter,
    /// Kept connections that had died, or whose state was in doubt, when they were needed
    pub(super) stale: Counter,
    /// Connections that are kept for the next transaction
    pub(super) idle: Gauge,
    /// Messages whose fate is unknown: sent to their end, and never answered. The sender sends them again
    pub(super) possible_duplicates: Counter,
}

/// A part of a transaction whose time is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// From the connection attempt to the last reply to EHLO.
    Connect,
    /// A recipient, with all that comes before it when it is the first.
    Recipient,
    /// From DATA to the reply to the end of data.
    Content,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    None,
    Tls12,
    Tls13,
}

impl Metrics {
    /// Registers `postern_next_hop_connections_total{tls}`, `postern_next_hop_failures_total{step}`,
    /// `postern_next_hop_replies_total{step,class}`, `postern_next_hop_duration_seconds{phase}`,
    /// `postern_next_hop_reused_connections_total`, `postern_next_hop_stale_connections_total`, `postern_next_hop_idle_connections` and
    /// `postern_next_hop_possible_duplicates_total`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            connections: Family::default(),
            failures: Family::default(),
            replies: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 10))),
            reused: Counter::default(),
            stale: Counter::default(),
            idle: Gauge::default(),
            possible_duplicates: Counter::default(),
        };
        metrics.register_families(registry);
        let mut counter = |name: &str, help: &str, counter: &Counter| registry.register(name, help, counter.clone());
        counter("postern_next_hop_reused_connections", "Transactions that found a connection to use again", &metrics.reused);
        counter(
            "postern_next_hop_stale_connections",
            "Kept connections that had died, or whose state was in doubt, when they were needed",
            &metrics.stale,
        );
        counter(
            "postern_next_hop_possible_duplicates",
            "Messages whose fate is unknown: sent to their end, and never answered. The sender sends them again",
            &metrics.possible_duplicates,
        );
        registry.register("postern_next_hop_idle_connections", "Connections that are kept for the next transaction", metrics.idle.clone());
        metrics
    }

    fn register_families(&self, registry: &mut Registry) {
        registry.register(
            "postern_next_hop_connections",
            "Connections to next hops that were made and greeted, by TLS version: none, 1.2, 1.3",
            self.connections.clone(),
        );
        registry.register(
            "postern_next_hop_failures",
            "Failures of the link to a next hop, which are no refusals, by the step that the transaction had come to",
            self.failures.clone(),
        );
        registry.register(
            "postern_next_hop_replies",
            "Replies of next hops, by what they answer and their class: 2xx, 3xx, 4xx, 5xx",
            self.replies.clone(),
        );
        registry.register_with_unit(
            "postern_next_hop_duration",
            "Time that next hops take: connect (to the reply to EHLO), recipient (each; the first includes connect), content (DATA to the end)",
            Unit::Seconds,
            self.durations.clone(),
        );
    }

    pub(super) fn connected(&self, encryption: Encryption) {
        self.connections.get_or_create(&[("tls", encryption.name())]).inc();
    }

    pub(super) fn failed(&self, step: Step) {
        self.failures.get_or_create(&[("step", step.name())]).inc();
    }

    pub(super) fn replied(&self, step: Step, reply: &Reply) {
        let class = match reply.code / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        self.replies.get_or_create(&[("step", step.name()), ("class", class)]).inc();
    }

    pub(super) fn took(&self, phase: Phase, time: Duration) {
        self.durations.get_or_create(&[("phase", phase.name())]).observe(time.as_secs_f64());
    }
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Recipient => "recipient",
            Self::Content => "content",
        }
    }
}

impl Encryption {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}
