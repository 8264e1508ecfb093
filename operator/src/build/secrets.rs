//! Certificates with their keys, and the CAs that next hops are verified with, as Secrets of the relay's own: copies of what was checked, so
//! that pods never mount what nobody looked at.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use postern_config::material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY};
use postern_crds::SmtpRelay;

use super::names::Names;
use crate::{
    issue::Issued,
    material::{Bundle, CertifiedKey, Sealed},
    validate::Validated,
};

/// The type of a Secret with a certificate and its key.
const TLS: &str = "kubernetes.io/tls";

pub(super) fn build(names: &Names, validated: &Validated<'_>, identity: &Sealed<Issued>) -> Vec<Secret> {
    let server = pair(names, &server_name(names), validated.certificate.pair());
    let clients = validated.client_certificates.iter().map(|(folder, key)| pair(names, &client_name(names, folder), key.open()));
    let trust = (!validated.trust.is_empty()).then(|| trust(names, &validated.trust));
    [server, self::identity(names, identity)].into_iter().chain(clients).chain(trust).collect()
}

/// The name of the Secret of the certificate that clients of `relay` are shown.
#[must_use]
pub(crate) fn server_secret(relay: &SmtpRelay) -> String {
    server_name(&Names::of(relay))
}

/// The name of the Secret of a certificate that next hops of `relay` are shown.
#[must_use]
pub(crate) fn client_secret(relay: &SmtpRelay, folder: &str) -> String {
    client_name(&Names::of(relay), folder)
}

/// The Secret of the certificate that clients are shown.
pub(super) fn server_name(names: &Names) -> String {
    names.child("tls")
}

/// The Secret of a certificate that next hops are shown.
pub(super) fn client_name(names: &Names, folder: &str) -> String {
    names.child(&format!("client-{folder}"))
}

/// The Secret of the CAs that next hops are verified with. They are no secret, but some come from one, and they are few.
pub(super) fn trust_name(names: &Names) -> String {
    names.child("trust")
}

fn pair(names: &Names, name: &str, pair: Option<&CertifiedKey>) -> Secret {
    let data = pair.map(|pair| [("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]);
    secret(names, name, TLS, data.into_iter().flatten())
}

/// Who the pods are, to the operator and among themselves.
fn identity(names: &Names, identity: &Sealed<Issued>) -> Secret {
    let data = identity.open().map(|identity| {
        let key = identity.pair.key().reveal();
        [(IDENTITY_CERTIFICATE, identity.pair.chain()), (IDENTITY_KEY, key), (IDENTITY_CA, identity.authority.as_str())]
    });
    secret(names, &identity_name(names), "Opaque", data.into_iter().flatten())
}

/// The Secret of who the pods are.
pub(super) fn identity_name(names: &Names) -> String {
    names.child("identity")
}

fn trust(names: &Names, trust: &BTreeMap<String, Sealed<Bundle>>) -> Secret {
    let bundles: Vec<_> = trust.iter().filter_map(|(name, bundle)| Some((format!("{name}.pem"), bundle.open()?))).collect();
    secret(names, &trust_name(names), "Opaque", bundles.iter().map(|(name, bundle)| (name.as_str(), bundle.as_str())))
}

fn secret<'a>(names: &Names, name: &str, type_: &str, data: impl Iterator<Item = (&'a str, &'a str)>) -> Secret {
    let data = data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).collect();
    Secret { metadata: names.metadata(name), type_: Some(type_.to_owned()), data: Some(data), ..Secret::default() }
}
