//! Last step: what a resource shows of itself. Pure: what the pipeline found and what was observed go in, the status comes out.

mod conditions;
mod domain;
mod reason;
mod relay;

use crate::{
    inventory::Key,
    validate::{DomainState, Findings},
};

pub use conditions::Conditions;
pub use domain::{Report, domain};
pub use reason::Reason;
pub use relay::{Pods, relay};

/// What keeps a relay, or a domain of it, from being served as it stands: the object as `KIND NAMESPACE/NAME`, and why.
#[must_use]
pub fn reasons_of(relay: &Key, findings: &Findings<'_>) -> Vec<(String, String)> {
    let object = format!("SmtpRelay {relay}");
    let blockers = findings.relay.as_ref().err().into_iter().flatten().map(ToString::to_string);
    let of_relay = blockers.chain(findings.warnings.iter().map(ToString::to_string)).map(|text| (object.clone(), text));
    let of_domains = findings.domains.iter().flat_map(|outcome| {
        let object = format!("AcceptedDomain {}", Key::of(&outcome.domain.metadata));
        texts(&outcome.state).into_iter().map(move |text| (object.clone(), text))
    });
    of_relay.chain(of_domains).collect()
}

/// Why a domain is not served; empty when it is.
fn texts(state: &DomainState) -> Vec<String> {
    match state {
        DomainState::Served => Vec::new(),
        DomainState::Detached(problems) => problems.iter().map(ToString::to_string).collect(),
        DomainState::Conflict { winner } => {
            vec![format!("spec.domain: AcceptedDomain {winner} claimed this name before; remove one of the two")]
        }
        DomainState::Invalid(violation) => vec![violation.to_string()],
    }
}
