//! A domain of a relay, as its configuration holds it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use postern_config::{
    Domain, DomainName, DomainType, NextHop, NextHopTls, NextHopTlsMode, NextHops, RecipientValidation, Violation, validate::is_host,
};
use postern_crds::accepted_domain::{self as api, AcceptedDomainSpec};

use super::{Cause, DomainOutcome, DomainState, Parts, root::fit};
use crate::dereference::{Attachment, Claim, DomainReferences, HopReferences};

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
        let next_hops = self.next_hops(&spec.next_hops, &spec.tls, references.next_hops, "spec")?;
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
                let unknown_recipients = self.next_hops(&other.next_hops, &other.tls, references, "spec.unknownRecipients")?;
                Ok(DomainType::InternalRelay { next_hops, recipients, unknown_recipients })
            }
            // The schema holds that an InternalRelay says where the others go.
            _ => Ok(DomainType::Authoritative { next_hops, recipients }),
        }
    }

    fn next_hops(
        &mut self,
        hops: &[api::NextHop],
        tls: &api::NextHopTls,
        references: HopReferences,
        field: &str,
    ) -> Result<NextHops, Violation> {
        let HopReferences { hosts, trust, client_certificate, allowed_cidrs } = references;
        // The schema holds that there is one; a resource that could be read in part alone has none.
        if hops.is_empty() {
            return Err(Violation { field: format!("{field}.nextHops"), problem: "names no server that could be read".to_owned() });
        }
        let hops = hops.iter().zip(hosts).map(|(hop, host)| next_hop(hop, host, field)).collect::<Result<_, _>>()?;
        let server_name = tls.server_name.as_deref().map(|text| parse(text, &format!("{field}.tls.serverName"))).transpose()?;
        let names = trust.keys().cloned().collect();
        self.trust.extend(trust);
        let client_certificate = client_certificate.map(|(name, pair)| {
            self.client_certificates.insert(name.clone(), pair);
            name
        });
        let tls = NextHopTls { mode: mode(tls.mode), server_name, trust: names, client_certificate };
        Ok(NextHops { hops, tls, allowed_cidrs })
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

fn parse(text: &str, field: &str) -> Result<DomainName, Violation> {
    DomainName::parse(text).map_err(|error| Violation { field: field.to_owned(), problem: error.to_string() })
}

fn mode(mode: api::NextHopTlsMode) -> NextHopTlsMode {
    match mode {
        api::NextHopTlsMode::Verify => NextHopTlsMode::Verify,
        api::NextHopTlsMode::Encrypt => NextHopTlsMode::Encrypt,
        api::NextHopTlsMode::Opportunistic => NextHopTlsMode::Opportunistic,
    }
}

fn next_hop(hop: &api::NextHop, host: String, field: &str) -> Result<NextHop, Violation> {
    let field = |name: &str| format!("{field}.nextHops[{host}].{name}");
    // Judged here as well as for the whole: one domain must not hold up a relay of many.
    if !is_host(&host) {
        return Err(Violation { field: field("host"), problem: "is neither a whole host name in lower case nor an IP address".to_owned() });
    }
    Ok(NextHop {
        port: fit(field("port"), hop.port)?,
        priority: fit(field("priority"), hop.priority)?,
        weight: fit(field("weight"), hop.weight)?,
        host,
    })
}
