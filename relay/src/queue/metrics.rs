//! What is counted of the queue.

use std::{sync::atomic::AtomicU64, time::Duration};

use jiff::Timestamp;
use postern_config::RouteTarget;
use postern_spool::Statistics;
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::{notify::Suppressed, report::Kind};

type Label = (&'static str, &'static str);

/// The metrics of this component.
#[derive(Clone, Debug)]
pub struct Metrics {
    messages: Gauge,
    held: Gauge,
    oldest: Gauge,
    set_aside: Gauge,
    changes: Gauge<u64, AtomicU64>,
    syncs: Gauge<u64, AtomicU64>,
    /// Sites that are blocked since they can't be reached
    pub(super) blocked: Gauge,
    /// Transactions that were made
    pub(super) attempts: Counter,
    deliveries: Family<[Label; 2], Counter>,
    latency: Histogram,
    reports: Family<[Label; 1], Counter>,
    suppressed: Family<[Label; 1], Counter>,
}

/// Where a delivery goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The next hops of an accepted domain.
    DomainHosts,
    /// A route's smart hosts.
    SmartHosts,
    /// The exchangers of the recipient's domain.
    Mx,
    /// Nowhere: the recipient has no way out any more.
    Nowhere,
}

/// What came of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Result {
    Delivered,
    Deferred,
    Failed,
}

impl Metrics {
    /// Registers `postern_queue_messages`, `postern_queue_held_messages`, `postern_queue_oldest_seconds`, `postern_queue_set_aside_messages`,
    /// `postern_queue_spool_changes`, `postern_queue_spool_syncs`, `postern_queue_blocked_sites`, `postern_queue_attempts_total`,
    /// `postern_queue_deliveries_total{result,destination}`, `postern_queue_delivery_latency_seconds`, `postern_queue_reports_total{kind}`
    /// and `postern_queue_reports_suppressed_total{reason}`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            messages: Gauge::default(),
            held: Gauge::default(),
            oldest: Gauge::default(),
            set_aside: Gauge::default(),
            changes: Gauge::default(),
            syncs: Gauge::default(),
            blocked: Gauge::default(),
            attempts: Counter::default(),
            deliveries: Family::default(),
            latency: Histogram::new(exponential_buckets(0.05, 4.0, 12)),
            reports: Family::default(),
            suppressed: Family::default(),
        };
        metrics.register_gauges(registry);
        metrics.register_counts(registry);
        metrics
    }

    fn register_gauges(&self, registry: &mut Registry) {
        registry.register("postern_queue_messages", "Messages in the queue", self.messages.clone());
        registry.register("postern_queue_held_messages", "Of these, those that somebody told to wait", self.held.clone());
        registry.register_with_unit("postern_queue_oldest", "Age of the oldest message in the queue", Unit::Seconds, self.oldest.clone());
        registry.register(
            "postern_queue_set_aside_messages",
            "Corrupt messages that were set aside since the start",
            self.set_aside.clone(),
        );
        registry.register("postern_queue_spool_changes", "Changes that the spool made durable since the start", self.changes.clone());
        registry.register("postern_queue_spool_syncs", "Syncs that made them durable", self.syncs.clone());
        registry.register("postern_queue_blocked_sites", "Sites that are not tried, since they can't be reached", self.blocked.clone());
    }

    fn register_counts(&self, registry: &mut Registry) {
        registry.register("postern_queue_attempts", "Transactions that were made with next hops", self.attempts.clone());
        registry.register(
            "postern_queue_deliveries",
            "Attempts for one recipient, by result (delivered, deferred, failed) and destination (domain_hosts, smart_hosts, mx, nowhere)",
            self.deliveries.clone(),
        );
        registry.register_with_unit(
            "postern_queue_delivery_latency",
            "Time from a message's arrival to its delivery, for each recipient",
            Unit::Seconds,
            self.latency.clone(),
        );
        registry.register("postern_queue_reports", "Reports to senders, by kind: failed, delayed, relayed", self.reports.clone());
        registry.register(
            "postern_queue_reports_suppressed",
            "Reports that were not made, by reason: null_sender (about a report), unknown_sender (of anonymous mail)",
            self.suppressed.clone(),
        );
    }

    pub(super) fn observe(&self, statistics: &Statistics, now: Timestamp) {
        let gauge = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.messages, statistics.messages);
        gauge(&self.held, statistics.held);
        gauge(&self.set_aside, statistics.set_aside);
        let age = statistics.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
        self.oldest.set(age);
        self.changes.set(statistics.changes);
        self.syncs.set(statistics.syncs);
    }

    /// Messages in the queue, and the age of the oldest in seconds, as they were counted last.
    #[must_use]
    pub fn depth(&self) -> (u64, Option<u64>) {
        let messages = u64::try_from(self.messages.get()).unwrap_or_default();
        (messages, u64::try_from(self.oldest.get()).ok().filter(|_| messages > 0))
    }

    pub(super) fn delivery(&self, result: Result, class: Class) {
        self.deliveries.get_or_create(&[("result", result.name()), ("destination", class.name())]).inc();
    }

    pub(super) fn delivered_after(&self, time: Duration) {
        self.latency.observe(time.as_secs_f64());
    }

    pub(super) fn reported(&self, kind: Kind) {
        self.reports.get_or_create(&[("kind", kind.name())]).inc();
    }

    pub(super) fn report_suppressed(&self, why: Suppressed) {
        self.suppressed.get_or_create(&[("reason", why.name())]).inc();
    }
}

impl Class {
    /// Of a destination that belongs to an accepted domain, or to a route.
    pub(super) fn of(target: &RouteTarget, is_accepted: bool) -> Self {
        match target {
            RouteTarget::Mx(_) => Self::Mx,
            RouteTarget::Hosts { .. } if is_accepted => Self::DomainHosts,
            RouteTarget::Hosts { .. } => Self::SmartHosts,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::DomainHosts => "domain_hosts",
            Self::SmartHosts => "smart_hosts",
            Self::Mx => "mx",
            Self::Nowhere => "nowhere",
        }
    }
}

impl Result {
    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
        }
    }
}
