use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;

/// How the relay shows itself in TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelayTls {
    /// The oldest version that a client may use: `1.2` or `1.3`, in quotes. Default `1.2`.
    #[serde(default)]
    pub min_version: TlsVersion,
    /// The certificate that clients are shown. Default: the operator issues one for `hostname` from its own CA, and renews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// A Secret of type `kubernetes.io/tls` in the relay's namespace. When it changes, new connections see the new certificate; no session
    /// is dropped.
    pub secret_ref: SecretReference,
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}
