use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{reference::SecretReference, schema::rule};

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

/// Where the certificate comes from: a Secret, or an issuer of cert-manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    "",
    "has(self.secretRef) != has(self.issuerRef)",
    "a certificate comes from a Secret or from an issuer; set one of secretRef and issuerRef, and not both",
))]
pub struct Certificate {
    /// A Secret of type `kubernetes.io/tls`. When it changes, new connections see the new certificate; no session is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretReference")]
    pub secret_ref: Option<SecretReference>,
    /// An issuer of cert-manager: the operator makes a `Certificate` for `hostname`, and cert-manager keeps it valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "IssuerReference")]
    pub issuer_ref: Option<IssuerReference>,
}

/// Who issues a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".kind",
    "self.group != 'cert-manager.io' || self.kind in ['Issuer', 'ClusterIssuer']",
    "cert-manager has no such kind; write Issuer or ClusterIssuer, or the group that the kind is of",
))]
pub struct IssuerReference {
    /// Name of the issuer. An `Issuer` is in the relay's namespace.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Its kind: `Issuer` or `ClusterIssuer` of cert-manager, or that of another group. Default `Issuer`.
    #[serde(default = "default_kind")]
    #[schemars(schema_with = "crate::schema::kind")]
    pub kind: String,
    /// The API group of its kind. Default `cert-manager.io`.
    #[serde(default = "default_group")]
    #[schemars(schema_with = "crate::schema::domain_name")]
    pub group: String,
}

fn default_kind() -> String {
    "Issuer".to_owned()
}

fn default_group() -> String {
    "cert-manager.io".to_owned()
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
