use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{keyed_by, rule};

use super::CaCertificateReference;
use crate::reference::SecretReference;

/// What TLS to next hops must give.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".caCertificateRefs",
    "!has(self.mode) || self.mode == 'Verify' || !has(self.caCertificateRefs)",
    "only the mode Verify looks at who signed the certificate; remove caCertificateRefs, or make the mode Verify",
))]
pub struct NextHopTls {
    /// How much TLS is asked.
    ///
    /// `Verify`: TLS, with a certificate for the right name from a trusted CA. `Encrypt`: TLS with any certificate, which a man in the
    /// middle has too. `Opportunistic`: TLS when the next hop offers it, else in clear; the relay then reports `AllLinksEncrypted=False`.
    /// Default: `Verify`; to exchangers, which `mx` finds, `Encrypt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NextHopTlsMode")]
    pub mode: Option<NextHopTlsMode>,
    /// The name that the certificate must hold, and that SNI sends. Default: each next hop's own host; of a Service,
    /// `NAME.NAMESPACE.svc.cluster.local` with the cluster's own domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::domain_name")]
    pub server_name: Option<String>,
    /// Who may have signed the certificate, in the mode `Verify`. Up to 8. Default: the public CAs.
    #[serde(rename = "caCertificateRefs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[schemars(transform = keyed_by(&["kind", "namespace", "name", "key"]))]
    pub ca_certificate_refs: Vec<CaCertificateReference>,
    /// The certificate that the relay shows to the next hop: a Secret of type `kubernetes.io/tls`. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretReference>,
}

/// How much TLS a link must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NextHopTlsMode {
    /// TLS, and a certificate for the right name from a trusted CA.
    Verify,
    /// TLS with any certificate.
    Encrypt,
    /// TLS when the next hop offers it; in clear when not.
    Opportunistic,
}
