//! What is counted of configurations, and what they bring.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::tls::CertificateInfo;

/// Counts of configurations.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// `postern_config_reloads_total{result}`: configurations that came into use (`activated`) or were refused (`refused`; one that stays in
    /// the folder counts once).
    reloads: Family<Reload, Counter>,
    /// `postern_certificate_expiry_timestamp_seconds{certificate}`: when a certificate that clients are shown expires, in seconds since 1970.
    expiry: Family<Certificate, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reload {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Certificate {
    certificate: String,
}

impl Metrics {
    /// Registers the counts.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("postern_config_reloads", "Configurations that came into use or were refused", metrics.reloads.clone());
        registry.register("postern_certificate_expiry_timestamp_seconds", "When a server certificate expires", metrics.expiry.clone());
        metrics
    }

    pub(super) fn activated(&self, certificates: &[CertificateInfo]) {
        self.reloads.get_or_create(&Reload { result: "activated" }).inc();
        self.expiry.clear();
        for certificate in certificates {
            self.expiry.get_or_create(&Certificate { certificate: certificate.name.clone() }).set(certificate.not_after.as_second());
        }
    }

    pub(super) fn refused(&self) {
        self.reloads.get_or_create(&Reload { result: "refused" }).inc();
    }
}
