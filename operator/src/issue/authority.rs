//! A CA of the operator, and how one follows another.

use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::{AUTHORITY_LIFE, CLOCK_SKEW, IssueError, PUBLISHED_AHEAD, renewal_due, set_validity};
use crate::material::{Bundle, CertifiedKey};

/// The CAs that are published, oldest first; never empty. One of them signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    published: Vec<CertifiedKey>,
}

impl Authority {
    /// What holds at `now`, given the CAs that were kept from before (none at the very first).
    ///
    /// Makes a CA when none is valid, and a successor when the newest is due. Forgets the expired.
    pub fn at(now: Timestamp, kept: Vec<CertifiedKey>) -> Result<Self, IssueError> {
        Self::named("Postern CA", now, kept)
    }

    /// The same for the CA that vouches for relays and the operator among themselves. It must be another one: who trusts a relay's
    /// certificate for mail must not be able to take its certificates for the operator.
    pub fn of_identities_at(now: Timestamp, kept: Vec<CertifiedKey>) -> Result<Self, IssueError> {
        Self::named("Postern identity CA", now, kept)
    }

    fn named(name: &str, now: Timestamp, mut kept: Vec<CertifiedKey>) -> Result<Self, IssueError> {
        kept.retain(|ca| ca.not_after() > now);
        kept.sort_by_key(CertifiedKey::not_before);
        if kept.last().is_none_or(|newest| renewal_due(newest) <= now) {
            kept.push(new_authority(name, now)?);
        }
        Ok(Self { published: kept })
    }

    /// Stops publishing the predecessors of the CA that signs which none of `leaves` comes from.
    #[must_use]
    pub fn without_retired(&self, now: Timestamp, leaves: &[&CertifiedKey]) -> Self {
        let signing = self.signing_index(now);
        let is_needed = |ca: &CertifiedKey| leaves.iter().any(|leaf| leaf.is_issued_by(ca));
        let published = self.published.iter().enumerate().filter(|(index, ca)| *index >= signing || is_needed(ca));
        Self { published: published.map(|(_, ca)| ca.clone()).collect() }
    }

    /// The CA that signs: the newest that was published long enough, or else the oldest.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> &CertifiedKey {
        &self.published[self.signing_index(now)]
    }

    /// All published CAs with their keys, oldest first, for whoever keeps them.
    #[must_use]
    pub fn published(&self) -> &[CertifiedKey] {
        &self.published
    }

    /// The certificates of all published CAs: what those who meet a relay should trust.
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        Bundle::of(&self.published)
    }

    fn signing_index(&self, now: Timestamp) -> usize {
        let was_published_long_enough = |ca: &CertifiedKey| ca.not_before().duration_until(now) >= PUBLISHED_AHEAD + CLOCK_SKEW;
        self.published.iter().rposition(was_published_long_enough).unwrap_or(0)
    }
}

fn new_authority(name: &str, now: Timestamp) -> Result<CertifiedKey, IssueError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    set_validity(&mut params, now, AUTHORITY_LIFE)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("{name} {}", now.strftime("%Y-%m-%d")));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedKey::parse(&params.self_signed(&key)?.pem(), &key.serialize_pem())?)
}

/// `ca` as rcgen signs with it.
pub(super) fn issuer(ca: &CertifiedKey) -> Result<Issuer<'static, KeyPair>, IssueError> {
    Ok(Issuer::from_ca_cert_pem(ca.chain(), KeyPair::from_pem(ca.key().reveal())?)?)
}
