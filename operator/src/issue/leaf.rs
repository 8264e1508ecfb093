//! Certificates that a CA of the operator signs.

use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use super::{Authority, IssueError, LEAF_LIFE, authority::issuer, renewal_due, set_validity};
use crate::material::CertifiedKey;

/// Whether `leaf` can go on standing for `hostname`: for that name alone, from a CA that is published, and not yet due.
#[must_use]
pub fn is_current(leaf: &CertifiedKey, hostname: &str, authority: &Authority, now: Timestamp) -> bool {
    leaf.dns_names() == [hostname] && authority.published().iter().any(|ca| leaf.is_issued_by(ca)) && now < renewal_due(leaf)
}

/// A new certificate and key with which a relay meets its clients as `hostname`.
pub fn issue_leaf(hostname: &str, authority: &Authority, now: Timestamp) -> Result<CertifiedKey, IssueError> {
    issue(hostname, vec![ExtendedKeyUsagePurpose::ServerAuth], authority, now)
}

/// A new certificate and key for `name`, both to serve and to call: for relays and the operator among themselves.
pub fn issue_identity(name: &str, authority: &Authority, now: Timestamp) -> Result<CertifiedKey, IssueError> {
    issue(name, vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth], authority, now)
}

fn issue(name: &str, usages: Vec<ExtendedKeyUsagePurpose>, authority: &Authority, now: Timestamp) -> Result<CertifiedKey, IssueError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    set_validity(&mut params, now, LEAF_LIFE)?;
    // Empty: a common name holds 64 characters, a host name 253, and clients read the alternative names (RFC 9525 section 2).
    params.distinguished_name = DistinguishedName::new();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usages;
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer(authority.signing(now))?)?;
    Ok(CertifiedKey::parse(&certificate.pem(), &key.serialize_pem())?)
}
