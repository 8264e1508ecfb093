//! Where keys, certificates and CAs lie: flat beside the configuration, so that a fixed set of volumes can carry any number of them.
//!
//! They are renewed on their own, so no hash in the root tells of them. They have one together, by which the operator sees that they arrived.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::{Configuration, Domain, DomainType, NextHopTls, RouteTarget, Storage, folder::digest};

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

/// The file of the user called `name` ([`User`](crate::User)), JSON.
#[must_use]
pub fn user_file(name: &str) -> String {
    format!("user.{name}.json")
}

/// The file of the credentials called `name` ([`Credentials`](crate::Credentials)), JSON.
#[must_use]
pub fn credentials_file(name: &str) -> String {
    format!("credentials.{name}.json")
}

/// The file of the database called `name` ([`Database`](crate::Database)), JSON.
#[must_use]
pub fn database_file(name: &str) -> String {
    format!("database.{name}.json")
}

/// The files of keys, certificates, CAs and secrets that a configuration names. The relay's identity is not among them.
///
/// Operator and relay, which may be of neighbouring versions, must name the same: a version with more of them gives them a hash of their own.
#[must_use]
pub fn files(configuration: &Configuration) -> BTreeSet<String> {
    let root = &configuration.root;
    let mut files = BTreeSet::new();
    let mut pair = |name: &str| files.extend([certificate_file(name), key_file(name)]);
    root.tls.certificates.iter().for_each(|name| pair(name));
    links(configuration).filter_map(|tls| tls.client_certificate.as_deref()).for_each(pair);
    files.extend(links(configuration).flat_map(|tls| &tls.trust).map(|name| trust_file(name)));
    files.extend(root.listeners.iter().flat_map(|listener| &listener.client_cas).map(|name| trust_file(name)));
    files.extend(root.users.iter().map(|name| user_file(name)));
    files.extend(targets(configuration).filter_map(RouteTarget::credentials).map(credentials_file));
    if let Some(Storage::Postgres { database, .. }) = root.spool.as_ref().map(|spool| &spool.storage) {
        files.insert(database_file(database));
    }
    files
}

/// Every way out that is not a domain's own next hops.
fn targets(configuration: &Configuration) -> impl Iterator<Item = &RouteTarget> {
    let external = configuration.domains.iter().filter_map(|domain| match &domain.kind {
        DomainType::ExternalRelay { to } => Some(to),
        _ => None,
    });
    configuration.root.routes.iter().map(|route| &route.to).chain(external)
}

/// What TLS must give, on every link to another server.
fn links(configuration: &Configuration) -> impl Iterator<Item = &NextHopTls> {
    let domains = configuration.domains.iter().flat_map(Domain::next_hops).map(|hops| &hops.tls);
    domains.chain(targets(configuration).map(RouteTarget::tls))
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
