//! What is counted of authentication.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use super::Mechanism;

/// Counts of exchanges and of the hashing that they cost.
#[derive(Clone, Debug)]
pub struct Metrics {
    attempts: Family<Attempt, Counter>,
    /// Passwords that wait for their turn.
    pub(super) waiting: Gauge,
    hashing: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    mechanism: &'static str,
    result: &'static str,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client is who it says.
    Success,
    /// It is not, as far as we can tell, or what it sent means nothing.
    Refused,
    /// Too many others wait to have their passwords hashed.
    Busy,
    /// The client failed too often.
    Slowed,
}

impl Metrics {
    /// Registers `postern_auth_attempts_total{mechanism,result}`: exchanges by how they ended: `success`, `refused`, `busy` (the hashing pool
    /// was full) or `slowed` (the client failed too often); `postern_auth_hashes_waiting`; and `postern_auth_hash_duration_seconds`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics =
            Self { attempts: Family::default(), waiting: Gauge::default(), hashing: Histogram::new(exponential_buckets(0.001, 2.0, 13)) };
        registry.register("postern_auth_attempts", "Exchanges of AUTH by how they ended", metrics.attempts.clone());
        registry.register("postern_auth_hashes_waiting", "Passwords that wait to be hashed", metrics.waiting.clone());
        registry.register("postern_auth_hash_duration_seconds", "Time that hashing a password took", metrics.hashing.clone());
        metrics
    }

    pub(super) fn ended(&self, mechanism: Mechanism, outcome: Outcome) {
        self.attempts.get_or_create(&Attempt { mechanism: mechanism.name(), result: outcome.label() }).inc();
    }

    pub(super) fn hashed(&self, took: Duration) {
        self.hashing.observe(took.as_secs_f64());
    }
}

impl Outcome {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Slowed => "slowed",
        }
    }
}
