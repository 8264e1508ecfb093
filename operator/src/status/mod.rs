//! Last step: what a resource shows of itself. Pure: what the pipeline found and what was observed go in, the status comes out.

mod applied;
mod clients;
mod conditions;
mod domain;
mod event;
mod links;
mod queue;
mod reason;
mod relay;

use crate::{
    inventory::Key,
    validate::{Cause, Findings},
};

pub use applied::{Applied, Trouble};
pub use clients::Clients;
pub use conditions::Conditions;
pub use domain::{Report, domain};
pub use event::{Event, EventReason, Severity, of_domain, of_relay};
pub use queue::Queue;
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
        let texts = outcome.state.cause().map(Cause::texts).unwrap_or_default();
        texts.into_iter().map(move |text| (object.clone(), text))
    });
    of_relay.chain(of_domains).collect()
}
