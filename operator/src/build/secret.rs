//! Certificates with their keys, for clients and for next hops: copies of what the relay refers to, or what was issued for it.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::{
    TooLarge, check_size,
    metadata::{child, child_name},
};
use crate::{
    issue::Issued,
    material::{CertifiedKey, Sealed},
    validate::{SERVER_FOLDER, ServerCertificate, Validated},
};

/// The Secret.
pub(super) const TLS: &str = "tls";
/// Says why a Secret is printed without its data.
const WITHHELD: (&str, &str) = ("postern.dev/key-material", "withheld: the operator fills it in when it applies this object");

pub(super) fn build(relay: &Validated<'_>) -> Result<Secret, TooLarge> {
    let mut data = BTreeMap::new();
    let mut is_whole = true;
    for (folder, pair) in pairs(relay) {
        match pair {
            Sealed::Open(pair) => data.extend([
                (chain_key(folder), ByteString(pair.chain().into())),
                (private_key(folder), ByteString(pair.key().reveal().into())),
            ]),
            Sealed::Closed => is_whole = false,
        }
    }
    let bytes = data.iter().map(|(key, value)| key.len() + value.0.len()).sum();
    check_size(|| format!("the Secret {}", child_name(relay.relay, TLS)), bytes, "let next hops share client certificates")?;
    let mut metadata = child(relay.relay, TLS);
    if !is_whole {
        metadata.annotations = Some([(WITHHELD.0.to_owned(), WITHHELD.1.to_owned())].into());
    }
    Ok(Secret { metadata, type_: Some("Opaque".to_owned()), data: (!data.is_empty()).then_some(data), ..Secret::default() })
}

/// Every certificate of a relay, by folder below `tls/`.
pub(super) fn folders<'a>(relay: &'a Validated<'_>) -> impl Iterator<Item = &'a str> {
    [SERVER_FOLDER].into_iter().chain(relay.client_certificates.keys().map(String::as_str))
}

fn pairs<'a>(relay: &'a Validated<'_>) -> impl Iterator<Item = (&'a str, Sealed<&'a CertifiedKey>)> {
    let server = match &relay.certificate {
        ServerCertificate::Named(Sealed::Open(pair)) | ServerCertificate::Issued(Sealed::Open(Issued { pair, .. })) => Sealed::Open(pair),
        ServerCertificate::Named(Sealed::Closed) | ServerCertificate::Issued(Sealed::Closed) => Sealed::Closed,
    };
    let clients = relay.client_certificates.iter().map(|(folder, pair)| (folder.as_str(), pair.as_ref()));
    [(SERVER_FOLDER, server)].into_iter().chain(clients)
}

/// The key of a chain in the Secret.
pub(super) fn chain_key(folder: &str) -> String {
    format!("{folder}.crt")
}

/// The key of a private key in the Secret.
pub(super) fn private_key(folder: &str) -> String {
    format!("{folder}.key")
}
