//! What is counted of connections.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{ProxyError, Refused};

/// Counts of connections.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `postern_connections_accepted_total{listener}`: connections that became sessions.
    accepted: Family<Listener, Counter>,
    /// `postern_connections_refused_total{listener, reason}`: connections that did not: `connections` and `connections_per_client` (the limit
    /// was reached), `proxy_untrusted`, `proxy_missing`, `proxy_malformed`, `proxy_timeout` (the PROXY header), `tls` (implicit TLS failed).
    refused: Family<Refusal, Counter>,
    /// `postern_connections_open{listener}`: connections that are open now, refused ones not counted.
    open: Family<Listener, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    listener: String,
    reason: &'static str,
}

/// Why a connection was closed before it was a session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Closed {
    #[error("{}", .0.reply())]
    Refused(Refused),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error(transparent)]
    Tls(#[from] crate::tls::HandshakeError),
}

impl Closed {
    fn label(&self) -> &'static str {
        match self {
            Self::Refused(Refused::TooManyConnections) => "connections",
            Self::Refused(Refused::TooManyConnectionsOfClient) => "connections_per_client",
            Self::Proxy(ProxyError::Untrusted) => "proxy_untrusted",
            Self::Proxy(ProxyError::Missing | ProxyError::Closed(_)) => "proxy_missing",
            Self::Proxy(ProxyError::Malformed(_) | ProxyError::TooLong) => "proxy_malformed",
            Self::Proxy(ProxyError::Timeout) => "proxy_timeout",
            Self::Tls(_) => "tls",
        }
    }
}

/// A connection that is open; dropping it says that it is not.
pub(super) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Registers the counts.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("postern_connections_accepted", "Connections that became sessions", metrics.accepted.clone());
        registry.register("postern_connections_refused", "Connections that were closed before a session", metrics.refused.clone());
        registry.register("postern_connections_open", "Sessions that are open now", metrics.open.clone());
        metrics
    }

    pub(super) fn accepted(&self, listener: &str) -> Open {
        let labels = Listener { listener: listener.to_owned() };
        self.accepted.get_or_create(&labels).inc();
        let open = Open(self.open.get_or_create_owned(&labels));
        open.0.inc();
        open
    }

    pub(super) fn refused(&self, listener: &str, closed: &Closed) {
        self.refused.get_or_create(&Refusal { listener: listener.to_owned(), reason: closed.label() }).inc();
    }
}
