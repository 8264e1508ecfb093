//! What is held, and what was refused.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{HoldError, budget::ByteGauge};

/// The metrics of this component. Those of bytes are at the same time the counters of the budgets.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Messages that are held, from the go-ahead for their content until their delivery has ended
    pub(super) messages: Gauge,
    /// Memory that the held messages take
    pub(super) memory_held: ByteGauge,
    /// Memory that all held messages may take together
    pub(super) memory_limit: ByteGauge,
    /// Room that the held messages take on the scratch volume
    pub(super) scratch_held: ByteGauge,
    /// Room that all held messages may take together on the scratch volume
    pub(super) scratch_limit: ByteGauge,
    /// Messages that could not be held, by cause: `memory_spent`, `scratch_spent` (budgets), `scratch_full`, `scratch_failed` (the volume)
    refusals: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Metrics {
    /// Registers `postern_messages_held`, `postern_message_memory_bytes`, `postern_message_scratch_bytes`, the limits of the two
    /// (`…_limit_bytes`) and `postern_message_hold_refusals_total{cause}`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let gauge = metrics.messages.clone();
        registry.register(
            "postern_messages_held",
            "Messages that are held, from the go-ahead for their content until their delivery has ended",
            gauge,
        );
        for (name, help, gauge) in [
            ("postern_message_memory", "Memory that the held messages take", &metrics.memory_held),
            ("postern_message_memory_limit", "Memory that all held messages may take together", &metrics.memory_limit),
            ("postern_message_scratch", "Room that the held messages take on the scratch volume", &metrics.scratch_held),
            (
                "postern_message_scratch_limit",
                "Room that all held messages may take together on the scratch volume",
                &metrics.scratch_limit,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        for cause in HoldError::CAUSES {
            let _ = metrics.refusals.get_or_create(&[("cause", cause)]);
        }
        registry.register(
            "postern_message_hold_refusals",
            "Messages that could not be held, by cause: memory_spent, scratch_spent (budgets), scratch_full, scratch_failed (the volume)",
            metrics.refusals.clone(),
        );
        metrics
    }

    /// Counts a refusal. A message is counted at its first; what follows from that has no cause of its own.
    pub(super) fn refused(&self, error: &HoldError) {
        if let Some(cause) = error.cause() {
            self.refusals.get_or_create(&[("cause", cause)]).inc();
        }
    }
}
