//! The status of a domain at a relay.

use jiff::Timestamp;
use postern_crds::{
    AcceptedDomain, AcceptedDomainStatus,
    accepted_domain::{AttachmentStatus, RelayReference},
    condition::types,
};

use super::{Conditions, Reason, texts};
use crate::validate::DomainState;

/// What a domain shows of itself, given what became of it at its relays: `programmed` says whether the pods there run what was found.
#[must_use]
pub fn domain(domain: &AcceptedDomain, relays: &[(&str, &DomainState, bool)], now: Timestamp) -> AcceptedDomainStatus {
    let old = domain.status.clone().unwrap_or_default();
    let generation = domain.metadata.generation;
    let attachments = relays.iter().map(|&(relay, state, programmed)| {
        let before = old.relays.iter().find(|attachment| attachment.relay_ref.name == relay);
        let before = before.map(|attachment| attachment.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(generation, now, before);
        attachment(&mut conditions, state, programmed);
        AttachmentStatus { relay_ref: RelayReference { name: relay.to_owned() }, conditions: conditions.finish() }
    });
    let mut conditions = Conditions::new(generation, now, &old.conditions);
    overall(&mut conditions, relays);
    AcceptedDomainStatus { observed_generation: generation, relays: attachments.collect(), conditions: conditions.finish() }
}

fn attachment(conditions: &mut Conditions<'_>, state: &DomainState, programmed: bool) {
    let message = texts(state).join("; ");
    let (accepted, resolved) = match state {
        DomainState::Served => ((true, Reason::Accepted), (true, Reason::ResolvedRefs)),
        DomainState::Detached(_) => ((true, Reason::Accepted), (false, Reason::InvalidReference)),
        DomainState::Conflict { .. } => ((false, Reason::DomainConflict), (true, Reason::ResolvedRefs)),
        DomainState::Invalid(_) => ((false, Reason::Invalid), (true, Reason::ResolvedRefs)),
    };
    let text_if = |fault: bool| if fault { message.clone() } else { String::new() };
    conditions.set(types::ACCEPTED, accepted.0, accepted.1, text_if(!accepted.0));
    conditions.set(types::RESOLVED_REFS, resolved.0, resolved.1, text_if(!resolved.0));
    let (runs, reason) = match (accepted.0, programmed) {
        (true, true) => (true, Reason::Programmed),
        (true, false) => (false, Reason::Pending),
        (false, _) => (false, accepted.1),
    };
    conditions.set(types::PROGRAMMED, runs, reason, "");
}

fn overall(conditions: &mut Conditions<'_>, relays: &[(&str, &DomainState, bool)]) {
    let faults: Vec<_> = relays.iter().flat_map(|(_, state, _)| texts(state)).collect();
    let all_programmed = !relays.is_empty() && relays.iter().all(|(.., programmed)| *programmed);
    match (faults.is_empty(), all_programmed) {
        (false, _) => {
            conditions.set(types::READY, false, Reason::Invalid, faults.join("; "));
            conditions.set(types::STALLED, true, Reason::Invalid, "it takes a change of this resource, or of what it refers to");
        }
        (true, true) => conditions.set(types::READY, true, Reason::Ready, ""),
        (true, false) => {
            conditions.set(types::READY, false, Reason::Pending, "not every relay that it names runs it yet");
            conditions.set(types::RECONCILING, true, Reason::Pending, "a configuration is on its way to the pods");
        }
    }
}
