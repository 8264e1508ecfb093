//! The certificate that is asked of cert-manager, where a relay names an issuer: its own `Certificate`, `cert-manager.io/v1`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use postern_crds::{SmtpRelay, smtp_relay::IssuerReference};
use serde::Serialize;

use super::names::Names;
use crate::{kind::Kind, references::issued_secret};

/// What is asked of cert-manager. How long it lives and when it is renewed is left to cert-manager and the issuer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    api_version: String,
    kind: String,
    /// Name, namespace, labels, owner.
    pub metadata: ObjectMeta,
    spec: CertificateSpec,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateSpec {
    secret_name: String,
    dns_names: Vec<String>,
    issuer_ref: IssuerReference,
    private_key: PrivateKey,
    usages: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PrivateKey {
    algorithm: &'static str,
    size: i32,
    /// A key that lives as long as its certificate is of little use to who takes it later.
    rotation_policy: &'static str,
}

pub(super) fn build(names: &Names, relay: &SmtpRelay) -> Option<Certificate> {
    let issuer_ref = relay.spec.tls.certificate.as_ref()?.issuer_ref.clone()?;
    let name = issued_secret(relay.metadata.name.as_deref().unwrap_or_default());
    let resource = Kind::Certificate.api_resource();
    Some(Certificate {
        api_version: resource.api_version,
        kind: resource.kind,
        metadata: names.metadata(&name),
        spec: CertificateSpec {
            secret_name: name,
            // No common name: it holds 64 characters, a host name 253, and clients read the alternative names (RFC 9525 section 2).
            dns_names: vec![relay.spec.hostname.clone()],
            issuer_ref,
            private_key: PrivateKey { algorithm: "ECDSA", size: 256, rotation_policy: "Always" },
            usages: ["digital signature", "server auth"].map(str::to_owned).into(),
        },
    })
}
