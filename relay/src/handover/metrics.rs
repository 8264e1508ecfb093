//! What is counted of hand-overs.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::refusal::Refusal;

type Counters = Family<[(&'static str, &'static str); 1], Counter>;

/// The metrics of this component.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Messages that peers brought, by result
    received: Counters,
    /// Attempts to hand a message over, by result
    sent: Counters,
    /// Messages that a peer may have and that another was asked to take
    pub(super) possible_duplicates: Counter,
    /// Messages that stay here at the end
    pub(super) left: Gauge,
}

/// What became of a message that a peer brought, and that is here now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was new.
    New,
    /// It had come before.
    Again,
}

/// What became of an attempt to hand a message over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The peer has it.
    Taken,
    /// The peer does not have it, and said so, or was not reached.
    Refused,
    /// The peer may have it.
    Unknown,
}

impl Metrics {
    /// Registers `postern_handover_received_total{result}`, `postern_handover_sent_total{result}`,
    /// `postern_handover_possible_duplicates_total` and `postern_handover_left`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "postern_handover_received",
            "Messages that ending peers brought, by result: new, again, or why they were refused",
            metrics.received.clone(),
        );
        registry.register(
            "postern_handover_sent",
            "Attempts to hand a message over to a peer, by result: taken, refused, unknown",
            metrics.sent.clone(),
        );
        registry.register(
            "postern_handover_possible_duplicates",
            "Messages that one peer may have taken without an answer, and that another was asked to take",
            metrics.possible_duplicates.clone(),
        );
        registry.register("postern_handover_left", "Messages that stayed here when the relay ended", metrics.left.clone());
        metrics
    }

    pub(super) fn taken(&self, taken: Taken) {
        let result = match taken {
            Taken::New => "new",
            Taken::Again => "again",
        };
        self.received.get_or_create(&[("result", result)]).inc();
    }

    pub(super) fn refused(&self, refusal: &Refusal) {
        self.received.get_or_create(&[("result", refusal.cause())]).inc();
    }

    pub(super) fn sent(&self, sent: Sent) {
        let result = match sent {
            Sent::Taken => "taken",
            Sent::Refused => "refused",
            Sent::Unknown => "unknown",
        };
        self.sent.get_or_create(&[("result", result)]).inc();
    }
}
