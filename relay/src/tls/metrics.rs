//! What is counted of handshakes.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{Facts, HandshakeError};

/// Counts of handshakes with clients.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `postern_tls_handshakes_total{version}`: handshakes with clients that gave a session, by protocol version.
    handshakes: Family<Version, Counter>,
    /// `postern_tls_handshake_failures_total{reason}`: handshakes with clients that gave none: `timeout`, or `failed` (no common version or
    /// cipher suite, a certificate that the client rejects, a broken connection).
    failures: Family<Failure, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    reason: &'static str,
}

impl Metrics {
    /// Registers the counts.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("postern_tls_handshakes", "TLS handshakes with clients that gave a session", metrics.handshakes.clone());
        registry.register("postern_tls_handshake_failures", "TLS handshakes with clients that failed", metrics.failures.clone());
        metrics
    }

    pub(super) fn succeeded(&self, facts: &Facts) {
        self.handshakes.get_or_create(&Version { version: facts.version }).inc();
    }

    pub(super) fn failed(&self, error: &HandshakeError) {
        let reason = match error {
            HandshakeError::Timeout => "timeout",
            HandshakeError::Failed(_) => "failed",
        };
        self.failures.get_or_create(&Failure { reason }).inc();
    }
}
