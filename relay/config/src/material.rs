//! Where keys, certificates and CAs lie: flat beside the configuration, so that a fixed set of volumes can carry any number of them.
//!
//! They are renewed on their own, so no hash in the root tells of them. They have one together, by which the operator sees that they arrived.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::{Configuration, Domain, folder::digest};

/// The certificate that the relay shows on its control port, and to its peers. Optional, as the other two are.
pub const IDENTITY_CERTIFICATE: &str = "identity.crt";
/// The key of [`IDENTITY_CERTIFICATE`].
pub const IDENTITY_KEY: &str = "identity.key";
/// The CA that issues the identities of relays and of the operator, and nothing else.
pub const IDENTITY_CA: &str = "identity-ca.pem";

/// The name in the operator's own identity, with which it asks relays on their control port.
pub const OPERATOR_NAME: &str = "operator.postern.internal";

/// The file of the certificate chain called `name`, the end entity's certificate first, PEM.
#[must_use]
pub fn certificate_file(name: &str) -> String {
    format!("tls.{name}.crt")
}

/// The file of the key of the certificate called `name`, PEM.
#[must_use]
pub fn key_file(name: &str) -> String {
    format!("tls.{name}.key")
}

/// The file of the CA certificates called `name`, PEM.
#[must_use]
pub fn trust_file(name: &str) -> String {
    format!("trust.{name}.pem")
}

/// The files of keys, certificates and CAs that a configuration names. The relay's identity is not among them.
///
/// Operator and relay, which may be of neighbouring versions, must name the same: a version with more of them gives them a hash of their own.
#[must_use]
pub fn files(configuration: &Configuration) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let mut pair = |name: &str| files.extend([certificate_file(name), key_file(name)]);
    configuration.root.tls.certificates.iter().for_each(|name| pair(name));
    let next_hops = || configuration.domains.iter().flat_map(Domain::next_hops);
    next_hops().filter_map(|hops| hops.tls.client_certificate.as_deref()).for_each(pair);
    files.extend(next_hops().flat_map(|hops| &hops.tls.trust).map(|name| trust_file(name)));
    files
}

/// Lower-case hexadecimal SHA-256 of all [`files`] of a configuration, given the content of each. One that is not there counts as empty.
#[must_use]
pub fn hash<C: AsRef<[u8]>>(configuration: &Configuration, content: impl Fn(&str) -> Option<C>) -> String {
    let mut whole = Vec::new();
    for file in files(configuration) {
        whole.extend_from_slice(&Sha256::digest(&file));
        whole.extend_from_slice(&content(&file).map_or_else(|| Sha256::digest([]), |content| Sha256::digest(content)));
    }
    digest(&whole)
}
