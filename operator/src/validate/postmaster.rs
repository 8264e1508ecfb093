//! The mailbox of `<Postmaster>` (RFC 5321 section 4.5.1).

use postern_config::Domain;
use postern_crds::{SmtpRelay, accepted_domain::DomainType};

use super::{DomainOutcome, Warning};

/// The mailbox that the relay names, or that of the oldest Authoritative domain; and a warning when there's none.
pub(super) fn find(relay: &SmtpRelay, outcomes: &[DomainOutcome<'_>], accepted: &[Domain]) -> (Option<String>, Vec<Warning>) {
    let Some(mailbox) = &relay.spec.postmaster else {
        let is_candidate =
            |outcome: &&DomainOutcome<'_>| outcome.domain.spec.type_ == DomainType::Authoritative && outcome.state.is_known();
        let oldest = outcomes.iter().find(is_candidate);
        return (oldest.map(|outcome| format!("postmaster@{}", outcome.domain.spec.domain)), Vec::new());
    };
    let domain = mailbox.rsplit('@').next().unwrap_or_default();
    if accepted.iter().any(|accepted| holds(accepted, domain)) {
        (Some(mailbox.clone()), Vec::new())
    } else {
        (None, vec![Warning::Postmaster(mailbox.clone())])
    }
}

fn holds(accepted: &Domain, domain: &str) -> bool {
    let below = domain.strip_suffix(accepted.name.as_str());
    below.is_some_and(|below| below.is_empty() || (accepted.include_subdomains && below.ends_with('.')))
}
