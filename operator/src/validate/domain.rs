//! A domain of a relay, as its configuration holds it.

use postern_config::{Domain, DomainName, DomainType, NextHop, NextHopTls, NextHopTlsMode, NextHops, RecipientValidation, Violation};
use postern_crds::accepted_domain::{self as api, AcceptedDomainSpec};

use super::{DomainOutcome, Parts, root::fit};
use crate::{
    dereference::{Attachment, Claim, DomainReferences, ReferenceProblem, TlsReferences},
    inventory::Key,
};

/// What became of a domain at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// The relay takes its mail.
    Served,
    /// The domain is the relay's, but can't be served now: its mail is answered 451, and its senders keep it.
    Detached(Vec<ReferenceProblem>),
    /// Another resource claimed the name before, and its mail goes where that one says.
    Conflict {
        /// The resource that holds the name.
        winner: Key,
    },
    /// Nobody can be given this domain, so the relay does not know it.
    Invalid(Violation),
}

impl Parts {
    /// Adds a domain that names the relay to its configuration.
    pub(super) fn take<'a>(&mut self, attachment: Attachment<'a>) -> DomainOutcome<'a> {
        let Attachment { domain, claim } = attachment;
        let state = self.state(&domain.spec, claim).unwrap_or_else(DomainState::Invalid);
        DomainOutcome { domain, state }
    }

    fn state(&mut self, spec: &AcceptedDomainSpec, claim: Claim) -> Result<DomainState, Violation> {
        let name = name(&spec.domain)?;
        let (kind, state) = match claim {
            Claim::Lost { winner } => return Ok(DomainState::Conflict { winner }),
            Claim::Broken(problems) => (DomainType::Detached, DomainState::Detached(problems)),
            Claim::Held(references) => (self.kind(spec, *references)?, DomainState::Served),
        };
        let mut blocked = spec.recipients.blocked.clone();
        blocked.sort_unstable();
        self.domains.push(Domain { name, include_subdomains: spec.include_subdomains, kind, blocked });
        Ok(state)
    }

    fn kind(&mut self, spec: &AcceptedDomainSpec, references: DomainReferences) -> Result<DomainType, Violation> {
        let next_hops = self.next_hops(&spec.next_hops, &spec.tls, references.tls)?;
        let recipients = match references.recipients {
            Some((list, mailboxes)) => {
                self.recipients.insert(list.clone(), mailboxes);
                RecipientValidation::List { list }
            }
            None => RecipientValidation::NextHop,
        };
        match (spec.type_, &spec.unknown_recipients) {
            (api::DomainType::InternalRelay, Some(other)) => {
                let unknown_recipients = self.next_hops(&other.next_hops, &other.tls, references.unknown_recipients.unwrap_or_default())?;
                Ok(DomainType::InternalRelay { next_hops, recipients, unknown_recipients })
            }
            // The schema holds that an InternalRelay says where the others go.
            _ => Ok(DomainType::Authoritative { next_hops, recipients }),
        }
    }

    fn next_hops(&mut self, hops: &[api::NextHop], tls: &api::NextHopTls, references: TlsReferences) -> Result<NextHops, Violation> {
        let trust = references.trust.keys().cloned().collect();
        self.trust.extend(references.trust);
        let client_certificate = references.client_certificate.map(|(folder, pair)| {
            self.client_certificates.insert(folder.clone(), pair);
            folder
        });
        let tls =
            NextHopTls { mode: mode(tls.mode), server_name: tls.server_name.as_deref().map(name).transpose()?, trust, client_certificate };
        Ok(NextHops { hops: hops.iter().map(next_hop).collect::<Result<_, _>>()?, tls, allowed_cidrs: Vec::new() })
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

fn next_hop(hop: &api::NextHop) -> Result<NextHop, Violation> {
    let field = |name: &str| format!("spec.nextHops[{}].{name}", hop.host);
    Ok(NextHop {
        host: hop.host.clone(),
        port: fit(field("port"), hop.port)?,
        priority: fit(field("priority"), hop.priority)?,
        weight: fit(field("weight"), hop.weight)?,
    })
}
