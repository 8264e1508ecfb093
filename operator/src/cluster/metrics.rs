//! What the operator counts. Names are without the suffixes that the text format adds.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::{
    liveness::WatchState,
    queue::Depth,
    world::{Census, State},
};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Upper bounds of durations of reconciles, in seconds.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    controller: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByWatch {
    watch: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCertificate {
    namespace: String,
    relay: String,
    certificate: String,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Every count of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ByController, Counter>,
    errors: Family<ByReason, Counter>,
    durations: Family<ByController, Histogram, fn() -> Histogram>,
    snapshot: Snapshot,
}

/// What is read when somebody asks.
#[derive(Debug, Default)]
struct Snapshot {
    leader: Gauge,
    due: Family<ByController, Gauge>,
    running: Family<ByController, Gauge>,
    failing: Family<ByController, Gauge>,
    oldest: Family<ByController, Seconds>,
    watch_age: Family<ByWatch, Seconds>,
    watch_synced: Family<ByWatch, Gauge>,
    watch_failures: Family<ByWatch, Counter>,
    resources: Family<ByState, Gauge>,
    not_after: Family<ByCertificate, Gauge>,
    writes: Family<ByKind, Counter>,
}

/// What the operator is like at one moment.
#[derive(Debug)]
pub struct Moment {
    /// This replica writes.
    pub leads: bool,
    /// The queues by controller.
    pub queues: Vec<(&'static str, Depth)>,
    /// Every watch.
    pub watches: Vec<WatchState>,
    /// What the resources are like.
    pub census: Census,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("postern_operator");
        let metrics = Self {
            registry: Mutex::default(),
            reconciles: Family::default(),
            errors: Family::default(),
            durations: Family::new_with_constructor(histogram),
            snapshot: Snapshot::default(),
        };
        registry.register("build", "Version of the operator", Info::new([("version", VERSION)]));
        registry.register("reconciles", "Reconciles that ended, well or not", metrics.reconciles.clone());
        registry.register("reconcile_errors", "Reconciles that failed, by reason", metrics.errors.clone());
        registry.register_with_unit("reconcile_duration", "How long reconciles took", Unit::Seconds, metrics.durations.clone());
        metrics.snapshot.register(&mut registry);
        Self { registry: Mutex::new(registry), ..metrics }
    }
}

impl Snapshot {
    fn register(&self, registry: &mut Registry) {
        registry.register("leader", "1 while this replica may write", self.leader.clone());
        registry.register("queue_due", "Keys that are due and have not started", self.due.clone());
        registry.register("queue_running", "Keys in work", self.running.clone());
        registry.register("queue_failing", "Keys whose last reconcile failed", self.failing.clone());
        registry.register_with_unit("queue_oldest", "How long the oldest of the due keys is due", Unit::Seconds, self.oldest.clone());
        registry.register_with_unit("watch_age", "How long ago the API server answered a watch", Unit::Seconds, self.watch_age.clone());
        registry.register("watch_synced", "1 once a watch was listed", self.watch_synced.clone());
        registry.register("watch_failures", "Attempts of a watch that failed since the start", self.watch_failures.clone());
        registry.register("resources", "Resources by what their status says", self.resources.clone());
        registry.register("certificate_not_after_timestamp_seconds", "When a relay's certificate ends", self.not_after.clone());
        registry.register("writes", "Writes that the API server took, by kind", self.writes.clone());
    }

    fn take(&self, moment: Moment) {
        self.leader.set(i64::from(moment.leads));
        for (controller, depth) in moment.queues {
            let label = ByController { controller };
            self.due.get_or_create(&label).set(number(depth.due));
            self.running.get_or_create(&label).set(number(depth.running));
            self.failing.get_or_create(&label).set(number(depth.failing));
            self.oldest.get_or_create(&label).set(depth.oldest.as_secs_f64());
        }
        for WatchState { name, is_synced, failures, age } in moment.watches {
            let label = ByWatch { watch: name };
            self.watch_age.get_or_create(&label).set(age.as_secs_f64());
            self.watch_synced.get_or_create(&label).set(i64::from(is_synced));
            self.watch_failures.get_or_create(&label).inner().store(failures, Ordering::Relaxed);
        }
        for (kind, states) in [("SmtpRelay", moment.census.relays), ("AcceptedDomain", moment.census.domains)] {
            for state in State::ALL {
                let count = states.get(&state).copied().unwrap_or_default();
                self.resources.get_or_create(&ByState { kind, state: state.as_str() }).set(number(count));
            }
        }
        self.not_after.clear();
        for (relay, certificate, not_after) in moment.census.certificates {
            let label = ByCertificate { namespace: relay.namespace, relay: relay.name, certificate };
            self.not_after.get_or_create(&label).set(not_after.as_second());
        }
        for (kind, writes) in moment.census.writes {
            self.writes.get_or_create(&ByKind { kind }).inner().store(writes, Ordering::Relaxed);
        }
    }
}

impl Metrics {
    /// A reconcile of `controller` ended. `failure` is one of few words.
    pub fn reconciled(&self, controller: &'static str, took: Duration, failure: Option<&'static str>) {
        self.reconciles.get_or_create(&ByController { controller }).inc();
        self.durations.get_or_create(&ByController { controller }).observe(took.as_secs_f64());
        if let Some(reason) = failure {
            self.errors.get_or_create(&ByReason { controller, reason }).inc();
        }
    }

    /// Everything in the text format of Prometheus.
    pub fn text(&self, moment: Moment) -> Result<String, std::fmt::Error> {
        // One at a time: the snapshot is shared.
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.snapshot.take(moment);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
