//! The status of a domain: at each relay that it names, and in all.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::{AcceptedDomain, AcceptedDomainStatus, SmtpRelay, accepted_domain::AttachmentStatus, condition::types};

use super::{Conditions, Reason, texts};
use crate::{
    dereference::{Fault, ReferenceProblem},
    inventory::Key,
    validate::{DomainState, Findings},
};

/// What a relay says of the domains that name it.
#[derive(Debug)]
pub struct Report<'a> {
    states: HashMap<Key, &'a DomainState>,
    is_programmed: bool,
    is_ready: bool,
}

impl<'a> Report<'a> {
    /// What was found of a relay's domains, and the relay with its status.
    #[must_use]
    pub fn new(findings: &'a Findings<'_>, relay: Option<&SmtpRelay>) -> Self {
        let outcomes = findings.domains.iter().map(|outcome| (Key::of(&outcome.domain.metadata), &outcome.state));
        let conditions = relay.and_then(|relay| relay.status.as_ref()).map(|status| status.conditions.as_slice()).unwrap_or_default();
        let holds = |type_| conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True");
        Self { states: outcomes.collect(), is_programmed: holds(types::PROGRAMMED), is_ready: holds(types::READY) }
    }
}

/// What keeps a domain from being served at a relay.
enum Obstacle {
    /// It takes a change of the domain, or of what it refers to.
    Fault(Reason, String),
    /// It takes time.
    Delay(Reason, String),
}

/// What a domain shows of itself, given the reports of all relays.
#[must_use]
pub fn domain(domain: &AcceptedDomain, relays: &BTreeMap<Key, Report<'_>>, now: Timestamp) -> AcceptedDomainStatus {
    let key = Key::of(&domain.metadata);
    let old = domain.status.clone().unwrap_or_default();
    let generation = domain.metadata.generation;
    let (mut attachments, mut obstacles) = (Vec::new(), Vec::new());
    for reference in &domain.spec.relay_refs {
        let relay = key.sibling(&reference.name);
        let before = old.relays.iter().find(|attachment| attachment.relay_ref == *reference);
        let before = before.map(|attachment| attachment.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(generation, now, before);
        let report = relays.get(&relay).and_then(|report| Some((report, *report.states.get(&key)?)));
        obstacles.extend(match report {
            Some((report, state)) => attachment(&mut conditions, &relay, report, state, was_programmed(before, generation)),
            None => Some(not_found(&mut conditions, &relay)),
        });
        attachments.push(AttachmentStatus { relay_ref: reference.clone(), conditions: conditions.finish() });
    }
    let mut conditions = Conditions::new(generation, now, &old.conditions);
    overall(&mut conditions, &obstacles);
    AcceptedDomainStatus { observed_generation: generation, relays: attachments, conditions: conditions.finish() }
}

fn not_found(conditions: &mut Conditions<'_>, relay: &Key) -> Obstacle {
    let message = format!("there is no SmtpRelay {relay}; create it, or change relayRefs");
    conditions.set(types::ACCEPTED, false, Reason::RelayNotFound, message.clone());
    Obstacle::Fault(Reason::RelayNotFound, message)
}

fn attachment(
    conditions: &mut Conditions<'_>,
    relay: &Key,
    report: &Report<'_>,
    state: &DomainState,
    was_programmed: bool,
) -> Option<Obstacle> {
    let message = texts(state).join("; ");
    let fault = |reason| Some(Obstacle::Fault(reason, message.clone()));
    let refused = match state {
        DomainState::Conflict { .. } => Some(Reason::DomainConflict),
        DomainState::Invalid(_) => Some(Reason::Invalid),
        DomainState::Served | DomainState::Detached(_) => None,
    };
    if let Some(reason) = refused {
        conditions.set(types::ACCEPTED, false, reason, message.clone());
        return fault(reason);
    }
    conditions.set(types::ACCEPTED, true, Reason::Accepted, "");
    let broken = if let DomainState::Detached(problems) = state { problems.first().map(reason_of) } else { None };
    conditions.set(types::RESOLVED_REFS, broken.is_none(), broken.unwrap_or(Reason::ResolvedRefs), message.clone());
    let is_programmed = report.is_programmed || was_programmed;
    conditions.set(types::PROGRAMMED, is_programmed, if is_programmed { Reason::Programmed } else { Reason::Pending }, "");
    broken.and_then(fault).or_else(|| delay(relay, report, is_programmed))
}

fn delay(relay: &Key, report: &Report<'_>, is_programmed: bool) -> Option<Obstacle> {
    let pending = || Obstacle::Delay(Reason::Pending, format!("the SmtpRelay {relay} does not run with this generation of the domain yet"));
    let no_pods = || Obstacle::Delay(Reason::NoReadyPods, format!("no pod of the SmtpRelay {relay} is ready"));
    (!is_programmed).then(pending).or_else(|| (!report.is_ready).then(no_pods))
}

/// Whether the relay ran with this generation of the domain before. It still does, though it may be busy with a change of another: else one
/// edit would turn every domain of a relay over and back.
fn was_programmed(before: &[Condition], generation: Option<i64>) -> bool {
    let programmed = before.iter().find(|condition| condition.type_ == types::PROGRAMMED);
    programmed.is_some_and(|condition| condition.status == "True" && condition.observed_generation == generation)
}

/// Why a reference fails, in one word.
pub(super) fn reason_of(problem: &ReferenceProblem) -> Reason {
    match problem.fault {
        Fault::NotFound => Reason::RefNotFound,
        Fault::Expired(_) => Reason::CertificateExpired,
        Fault::NoKey(_) | Fault::NotText(_) | Fault::Material { .. } | Fault::NotAMailbox { .. } | Fault::ListTooLarge(_) => {
            Reason::InvalidReference
        }
    }
}

fn overall(conditions: &mut Conditions<'_>, obstacles: &[Obstacle]) {
    let faults = obstacles.iter().filter_map(|obstacle| match obstacle {
        Obstacle::Fault(reason, message) => Some((reason, message.as_str())),
        Obstacle::Delay(..) => None,
    });
    let messages: Vec<_> = faults.clone().map(|(_, message)| message).collect();
    match (faults.clone().next(), obstacles.first()) {
        (Some((reason, _)), _) => {
            conditions.set(types::READY, false, *reason, messages.join("; "));
            conditions.set(types::STALLED, true, *reason, "it takes a change of this resource, or of what it refers to");
        }
        (None, Some(Obstacle::Delay(reason, message) | Obstacle::Fault(reason, message))) => {
            conditions.set(types::READY, false, *reason, message.clone());
            conditions.set(types::RECONCILING, true, *reason, message.clone());
        }
        (None, None) => conditions.set(types::READY, true, Reason::Ready, ""),
    }
}
