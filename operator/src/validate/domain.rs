//! A domain of a relay, as its configuration holds it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use postern_config::{Domain, DomainName, DomainType, Mx, NextHopTlsMode, RecipientValidation, RouteTarget, Violation};
use postern_crds::accepted_domain::{self as api, AcceptedDomainSpec};

use super::{
    Cause, DomainOutcome, DomainState, Parts,
    links::{SMTP_PORT, parse},
};
use crate::dereference::{Attachment, Claim, DomainReferences};

/// How long a relay answers for what it has lost, and what time it is.
#[derive(Clone, Copy)]
pub(super) struct Grace {
    pub(super) period: SignedDuration,
    pub(super) now: Timestamp,
}

impl Parts {
    /// Adds the domains that concern the relay to its configuration.
    pub(super) fn take_all<'a>(&mut self, attachments: Vec<Attachment<'a>>, grace: Grace) -> Vec<DomainOutcome<'a>> {
        let mut outcomes: Vec<_> = attachments.into_iter().map(|attachment| self.take(attachment, grace)).collect();
        let mut names: BTreeSet<_> = self.domains.iter().map(|domain| domain.name.clone()).collect();
        for DomainOutcome { domain, state } in &mut outcomes {
            let DomainState::Detached { cause, .. } = state else { continue };
            // Who has the name is served, whoever had it before.
            match name(&domain.spec.domain) {
                Ok(name) if names.insert(name.clone()) => self.push(&domain.spec, name, DomainType::Detached),
                _ => *state = DomainState::Refused { cause: cause.clone(), since: None },
            }
        }
        outcomes
    }

    /// Adds a domain if it can be served.
    fn take<'a>(&mut self, attachment: Attachment<'a>, grace: Grace) -> DomainOutcome<'a> {
        let Attachment { domain, standing, claim } = attachment;
        let cause = match claim {
            Claim::Refused(refusal) => Some(Cause::Refusal(refusal)),
            Claim::Broken(problems) => Some(Cause::References(problems)),
            Claim::Held(references) => self.serve(&domain.spec, *references).err().map(Cause::Invalid),
        };
        let state = cause.map_or(DomainState::Served, |cause| DomainState::lost(cause, standing, grace.period, grace.now));
        DomainOutcome { domain, state }
    }

    fn serve(&mut self, spec: &AcceptedDomainSpec, references: DomainReferences) -> Result<(), Violation> {
        let name = name(&spec.domain)?;
        let kind = self.kind(spec, references)?;
        self.push(spec, name, kind);
        Ok(())
    }

    fn push(&mut self, spec: &AcceptedDomainSpec, name: DomainName, kind: DomainType) {
        let mut blocked = spec.recipients.blocked.clone();
        blocked.sort_unstable();
        self.domains.push(Domain { name, include_subdomains: spec.include_subdomains, kind, blocked });
    }

    fn kind(&mut self, spec: &AcceptedDomainSpec, references: DomainReferences) -> Result<DomainType, Violation> {
        if spec.type_ == api::DomainType::ExternalRelay {
            return self.external(spec, references);
        }
        let next_hops = self.next_hops(&spec.next_hops, "spec.nextHops", &spec.tls, "spec.tls", references.next_hops)?;
        let recipients = match references.recipients {
            Some((list, mailboxes)) => {
                self.recipients.insert(list.clone(), mailboxes);
                RecipientValidation::List { list }
            }
            None => RecipientValidation::NextHop,
        };
        match (spec.type_, &spec.unknown_recipients) {
            (api::DomainType::InternalRelay, Some(other)) => {
                let references = references.unknown_recipients.unwrap_or_default();
                let (hops, tls) = ("spec.unknownRecipients.nextHops", "spec.unknownRecipients.tls");
                let unknown_recipients = self.next_hops(&other.next_hops, hops, &other.tls, tls, references)?;
                Ok(DomainType::InternalRelay { next_hops, recipients, unknown_recipients })
            }
            // The schema holds that an InternalRelay says where the others go.
            _ => Ok(DomainType::Authoritative { next_hops, recipients }),
        }
    }

    fn external(&mut self, spec: &AcceptedDomainSpec, references: DomainReferences) -> Result<DomainType, Violation> {
        if let Some(listener) = &self.queues_for_strangers {
            let problem = format!(
                "nobody knows the recipients of an ExternalRelay domain, and listener {listener} of the relay takes mail of strangers into its queue, so what can't be delivered could be given back to nobody; make the listener's delivery PassThrough, or the type Authoritative"
            );
            return Err(Violation { field: "spec.type".to_owned(), problem });
        }
        let to = if spec.mx.is_some() {
            let tls = self.link(&spec.tls, NextHopTlsMode::Encrypt, references.next_hops, "spec.tls")?;
            RouteTarget::Mx(Mx { tls, waivers: Vec::new(), allow_cidrs: Vec::new(), port: SMTP_PORT })
        } else {
            self.next_hops(&spec.next_hops, "spec.nextHops", &spec.tls, "spec.tls", references.next_hops)?.into()
        };
        Ok(DomainType::ExternalRelay { to })
    }
}

/// A name that somebody can be given.
fn name(text: &str) -> Result<DomainName, Violation> {
    let field = "spec.domain";
    let name = parse(text, field)?;
    if name.is_public_suffix() {
        let problem =
            format!("`{name}` is a public suffix: anyone may register names below it, and nobody owns its mail; name a domain below it");
        return Err(Violation { field: field.to_owned(), problem });
    }
    Ok(name)
}
