//! Certificates that the operator issues for a relay: kept in the Secrets of the relay, from which they are taken again until they are due.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use postern_config::material::{IDENTITY_CERTIFICATE, IDENTITY_KEY, certificate_file, key_file};
use postern_crds::SmtpRelay;

use super::Authorities;
use crate::{
    apply::is_owned,
    build::{identity_secret, server_secret},
    cluster::Child,
    inventory::Key,
    issue::{Authority, IssueError, Issued, identity, is_current, issue_identity, issue_leaf},
    kind::Kind,
    material::CertifiedKey,
    validate::SERVER_CERTIFICATE,
};

/// What is issued for one relay.
pub(super) struct Issuer<'a> {
    pub(super) relay: &'a SmtpRelay,
    pub(super) children: &'a [Child],
    pub(super) authorities: &'a Authorities,
    pub(super) now: Timestamp,
}

impl Issuer<'_> {
    /// What the relay shows to its clients.
    pub(super) fn server(&self) -> Result<Issued, IssueError> {
        let kept = self.kept(&server_secret(self.relay), &certificate_file(SERVER_CERTIFICATE), &key_file(SERVER_CERTIFICATE));
        self.issued(kept, &self.relay.spec.hostname, &self.authorities.mail, issue_leaf)
    }

    /// What its pods show to the operator.
    pub(super) fn identity(&self) -> Result<Issued, IssueError> {
        let kept = self.kept(&identity_secret(self.relay), IDENTITY_CERTIFICATE, IDENTITY_KEY);
        let name = identity::of_relay(&Key::of(&self.relay.metadata));
        self.issued(kept, &name, &self.authorities.identities, issue_identity)
    }

    fn issued(
        &self,
        kept: Option<CertifiedKey>,
        name: &str,
        authority: &Authority,
        issue: impl FnOnce(&str, &Authority, Timestamp) -> Result<CertifiedKey, IssueError>,
    ) -> Result<Issued, IssueError> {
        let pair = match kept.filter(|kept| is_current(kept, name, authority, self.now)) {
            Some(kept) => kept,
            None => issue(name, authority, self.now)?,
        };
        Ok(Issued { pair, authority: authority.bundle() })
    }

    /// What a Secret of the relay's own holds. Others' could hold anything.
    fn kept(&self, secret: &str, certificate: &str, key: &str) -> Option<CertifiedKey> {
        let owner = self.relay.metadata.uid.as_deref()?;
        let child = self.children.iter().find(|child| child.kind == Kind::Secret && child.key.name == secret && is_owned(owner, child))?;
        let data = serde_json::from_slice::<Secret>(&child.json).ok()?.data?;
        let text = |entry: &str| std::str::from_utf8(&data.get(entry)?.0).ok();
        CertifiedKey::parse(text(certificate)?, text(key)?).ok()
    }
}
