//! Certificates with their keys, users and passwords as Secrets of the relay's own: copies of what was checked, so that pods never mount what nobody looked at.

use k8s_openapi::api::core::v1::Secret;
use postern_config::material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY, certificate_file, key_file};
use postern_crds::SmtpRelay;

use super::{
    BuildError,
    entries::{Entries, Holder, Sort, secret},
    names::Names,
};
use crate::{
    issue::Issued,
    material::{CertifiedKey, Sealed},
    validate::{SERVER_CERTIFICATE, Validated},
};

/// Certificates that next hops are shown, users, and what the relay logs in with elsewhere.
pub(super) const KEYS: Sort = Sort { stem: "keys", mend: "use fewer users and client certificates on this relay" };

pub(super) fn build(names: &Names, validated: &Validated<'_>, identity: &Sealed<Issued>) -> Result<Vec<Holder<Secret>>, BuildError> {
    let server = secret(names, &server_name(names), pair(SERVER_CERTIFICATE, validated.certificate.pair()));
    let identity = secret(names, &identity_name(names), identity_entries(identity.open()));
    let clients = validated.client_certificates.iter().map(|(name, certificate)| (name.clone(), pair(name, certificate.open())));
    // No certificate is called as a file is.
    let others = validated.secrets.files().into_iter().map(|(file, content)| (file.clone(), Entries::from([(file, content)])));
    let spread = KEYS.spread(names, clients.chain(others).collect())?;
    let spread = spread.into_iter().map(|(name, entries)| secret(names, &name, entries));
    Ok([server, identity].into_iter().chain(spread).collect())
}

/// The name of the Secret of the certificate that clients of `relay` are shown.
#[must_use]
pub fn server_secret(relay: &SmtpRelay) -> String {
    server_name(&Names::of(relay))
}

/// The name of the Secret of what the pods of `relay` are to the operator.
#[must_use]
pub fn identity_secret(relay: &SmtpRelay) -> String {
    identity_name(&Names::of(relay))
}

pub(super) fn server_name(names: &Names) -> String {
    names.child("tls")
}

pub(super) fn identity_name(names: &Names) -> String {
    names.child("identity")
}

fn pair(name: &str, pair: Option<&CertifiedKey>) -> Entries {
    let chain = pair.map(|pair| pair.chain().to_owned());
    let key = pair.map(|pair| pair.key().reveal().to_owned());
    [(certificate_file(name), chain), (key_file(name), key)].into()
}

fn identity_entries(identity: Option<&Issued>) -> Entries {
    let entry = |name: &str, content: &dyn Fn(&Issued) -> String| (name.to_owned(), identity.map(content));
    [
        entry(IDENTITY_CERTIFICATE, &|identity| identity.pair.chain().to_owned()),
        entry(IDENTITY_KEY, &|identity| identity.pair.key().reveal().to_owned()),
        entry(IDENTITY_CA, &|identity| identity.authority.as_str().to_owned()),
    ]
    .into()
}
