//! The status of a domain: at each relay that it names, and in all.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use postern_crds::{
    AcceptedDomain, AcceptedDomainStatus, SmtpRelay,
    accepted_domain::{AttachmentStatus, RelayReference},
    condition::types,
};

use super::{Conditions, Reason, conditions::holds};
use crate::{
    dereference::{Fault, ReferenceProblem, Refusal},
    inventory::Key,
    validate::{Cause, DomainState, Findings},
};

/// How many relays a status holds.
const RELAYS: usize = 16;

/// What a relay says of domains that name it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    verdicts: HashMap<Key, Verdict>,
    is_programmed: bool,
    is_ready: bool,
}

/// What became of a generation of a domain.
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    generation: Option<i64>,
    state: DomainState,
}

impl Report {
    /// What was found of a relay's domains, and the relay with its status.
    #[must_use]
    pub fn new(findings: &Findings<'_>, relay: Option<&SmtpRelay>) -> Self {
        let verdict = |(domain, state): (&AcceptedDomain, &DomainState)| {
            (Key::of(&domain.metadata), Verdict { generation: domain.metadata.generation, state: state.clone() })
        };
        let outcomes = findings.domains.iter().map(|outcome| (outcome.domain, &outcome.state));
        let conditions = relay.and_then(|relay| relay.status.as_ref()).map(|status| status.conditions.as_slice()).unwrap_or_default();
        Self {
            verdicts: outcomes.map(verdict).collect(),
            is_programmed: holds(conditions, types::PROGRAMMED),
            is_ready: holds(conditions, types::READY),
        }
    }

    /// What became of one domain, in the generation that was looked at.
    #[must_use]
    pub fn one(domain: Key, generation: Option<i64>, state: DomainState, is_programmed: bool, is_ready: bool) -> Self {
        Self { verdicts: [(domain, Verdict { generation, state })].into(), is_programmed, is_ready }
    }

    /// A relay that is there, and has not looked at its domains yet.
    #[must_use]
    pub fn pending() -> Self {
        Self::default()
    }

    fn of(&self, domain: &Key, generation: Option<i64>) -> Option<&DomainState> {
        let verdict = self.verdicts.get(domain).filter(|verdict| verdict.generation == generation)?;
        Some(&verdict.state)
    }
}

/// What keeps a domain from being served at a relay.
enum Obstacle {
    /// It takes a change of the domain, or of what it refers to.
    Fault(Reason, String),
    /// It takes time.
    Delay(Reason, String),
}

/// What a domain shows of itself, given the reports of all relays that there are.
#[must_use]
pub fn domain(domain: &AcceptedDomain, relays: &BTreeMap<Key, Report>, now: Timestamp) -> AcceptedDomainStatus {
    let key = Key::of(&domain.metadata);
    let old = domain.status.clone().unwrap_or_default();
    let generation = domain.metadata.generation;
    let resolve = |reference: &RelayReference| key.refer(&reference.namespace, &reference.name);
    let (mut attachments, mut obstacles) = (Vec::new(), Vec::new());
    for relay in domain.spec.relay_refs.iter().map(resolve) {
        let before = old.relays.iter().find(|shown| resolve(&shown.relay_ref) == relay);
        let (shown, obstacle) = at_relay(&key, generation, &relay, relays.get(&relay), before, now);
        attachments.push(shown);
        obstacles.extend(obstacle);
    }
    // Relays that are named no more, as long as they answer for the domain.
    let is_named = |relay: &Key| domain.spec.relay_refs.iter().any(|reference| resolve(reference) == *relay);
    for before in old.relays.iter().filter(|shown| !is_named(&resolve(&shown.relay_ref))) {
        let relay = resolve(&before.relay_ref);
        let Some(report) = relays.get(&relay) else { continue };
        match report.of(&key, generation) {
            Some(state) if state.is_known() => attachments.push(at_relay(&key, generation, &relay, Some(report), Some(before), now).0),
            Some(_) => {}
            // Nobody has looked yet.
            None => attachments.push(before.clone()),
        }
    }
    attachments.truncate(RELAYS);
    let mut conditions = Conditions::new(generation, now, &old.conditions);
    overall(&mut conditions, &obstacles);
    AcceptedDomainStatus { observed_generation: generation, relays: attachments, conditions: conditions.finish() }
}

fn at_relay(
    domain: &Key,
    generation: Option<i64>,
    relay: &Key,
    report: Option<&Report>,
    before: Option<&AttachmentStatus>,
    now: Timestamp,
) -> (AttachmentStatus, Option<Obstacle>) {
    let old = before.map(|attachment| attachment.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(generation, now, old);
    let state = report.and_then(|report| report.of(domain, generation));
    let obstacle = match (report, state) {
        (None, _) => Some(not_found(&mut conditions, relay)),
        (Some(_), None) => Some(pending(&mut conditions, relay, old)),
        (Some(report), Some(state)) => attachment(&mut conditions, relay, report, state, was_programmed(old, generation)),
    };
    let detached_since = match state {
        Some(state) => state.detached_since().map(Time),
        // Until somebody has looked, and while the relay is away, it stays as it is.
        None => before.and_then(|before| before.detached_since.clone()),
    };
    let relay_ref = RelayReference { name: relay.name.clone(), namespace: relay.namespace.clone() };
    (AttachmentStatus { relay_ref, detached_since, conditions: conditions.finish() }, obstacle)
}

fn not_found(conditions: &mut Conditions<'_>, relay: &Key) -> Obstacle {
    let message = format!("spec.relayRefs: there is no SmtpRelay {relay}; create it, or change relayRefs");
    conditions.set(types::ACCEPTED, false, Reason::RelayNotFound, message.clone());
    Obstacle::Fault(Reason::RelayNotFound, message)
}

/// What held before still holds, as far as anybody knows: a relay that loses sight of a domain for a moment must not forget that it took it.
fn pending(conditions: &mut Conditions<'_>, relay: &Key, old: &[Condition]) -> Obstacle {
    let message = format!("the SmtpRelay {relay} has not looked at this generation of the domain yet");
    if holds(old, types::ACCEPTED) {
        conditions.set(types::ACCEPTED, true, Reason::Accepted, "");
    } else {
        conditions.unknown(types::ACCEPTED, Reason::Pending, message.clone());
    }
    conditions.set(types::PROGRAMMED, false, Reason::Pending, message.clone());
    Obstacle::Delay(Reason::Pending, message)
}

fn attachment(
    conditions: &mut Conditions<'_>,
    relay: &Key,
    report: &Report,
    state: &DomainState,
    was_programmed: bool,
) -> Option<Obstacle> {
    let message = text(state);
    let is_programmed = report.is_programmed || was_programmed;
    match state {
        DomainState::Served => {
            conditions.set(types::ACCEPTED, true, Reason::Accepted, "");
            conditions.set(types::RESOLVED_REFS, true, Reason::ResolvedRefs, "");
            programmed(conditions, is_programmed);
            delay(relay, report, is_programmed)
        }
        DomainState::Detached { cause, .. } => {
            let reason = reason_of_cause(cause);
            let is_reference = matches!(cause, Cause::References(_));
            if is_reference {
                conditions.set(types::ACCEPTED, true, Reason::Accepted, "");
                conditions.set(types::RESOLVED_REFS, false, reason, message.clone());
            } else {
                conditions.set(types::ACCEPTED, false, reason, message.clone());
            }
            programmed(conditions, is_programmed);
            Some(Obstacle::Fault(reason, message))
        }
        DomainState::Refused { cause, since } => {
            let reason = reason_of_cause(cause);
            let shown = if since.is_some() { Reason::DetachGraceEnded } else { reason };
            conditions.set(types::ACCEPTED, false, shown, message.clone());
            if matches!(cause, Cause::References(_)) {
                conditions.set(types::RESOLVED_REFS, false, reason, message.clone());
            }
            Some(Obstacle::Fault(reason, message))
        }
    }
}

fn programmed(conditions: &mut Conditions<'_>, is_programmed: bool) {
    conditions.set(types::PROGRAMMED, is_programmed, if is_programmed { Reason::Programmed } else { Reason::Pending }, "");
}

fn delay(relay: &Key, report: &Report, is_programmed: bool) -> Option<Obstacle> {
    let pending = || Obstacle::Delay(Reason::Pending, format!("the SmtpRelay {relay} does not run with this generation of the domain yet"));
    let no_pods = || Obstacle::Delay(Reason::NoReadyPods, format!("no pod of the SmtpRelay {relay} is ready; see its conditions"));
    (!report.is_ready).then(no_pods).or_else(|| (!is_programmed).then(pending))
}

/// Whether the relay ran with this generation of the domain before. It still does, though it may be busy with a change of another: else one
/// edit would turn every domain of a relay over and back.
fn was_programmed(before: &[Condition], generation: Option<i64>) -> bool {
    let programmed = before.iter().find(|condition| condition.type_ == types::PROGRAMMED);
    programmed.is_some_and(|condition| condition.status == "True" && condition.observed_generation == generation)
}

/// Why a domain is not served, and what the relay answers for it meanwhile; empty when it is.
pub(super) fn text(state: &DomainState) -> String {
    let Some(cause) = state.cause() else { return String::new() };
    let minute = |time: &Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let answer = match state {
        DomainState::Served | DomainState::Refused { since: None, .. } => String::new(),
        DomainState::Detached { until, .. } => format!("; its mail is answered 451 until {}, then refused", minute(until)),
        DomainState::Refused { since: Some(since), .. } => format!("; not served since {}, so its mail is refused", minute(since)),
    };
    format!("{}{answer}", cause.texts().join("; "))
}

/// Why a domain is not served, in one word.
fn reason_of_cause(cause: &Cause) -> Reason {
    match cause {
        Cause::References(problems) => problems.first().map_or(Reason::InvalidReference, reason_of),
        Cause::Invalid(_) => Reason::Invalid,
        Cause::Refusal(refusal) => match refusal {
            Refusal::NotNamed(_) => Reason::RelayRefRemoved,
            Refusal::Namespace { .. } | Refusal::Name { .. } | Refusal::NextHop { .. } => Reason::NotAllowedByRelay,
            Refusal::NamespacesNotReadable(_) => Reason::NamespacesNotReadable,
            Refusal::Conflict { .. } => Reason::DomainConflict,
        },
    }
}

/// Why a reference fails, in one word.
pub(super) fn reason_of(problem: &ReferenceProblem) -> Reason {
    match problem.fault {
        Fault::NotFound => Reason::RefNotFound,
        Fault::NotIssued(_) => Reason::CertificateNotIssued,
        Fault::NotPermitted { .. } => Reason::RefNotPermitted,
        Fault::SecretsNotReadable(_) => Reason::SecretsNotReadable,
        Fault::NamespaceNotReadable(_) => Reason::NamespacesNotReadable,
        Fault::Expired(_) => Reason::CertificateExpired,
        Fault::NoKey(_)
        | Fault::NoPair(_)
        | Fault::NoPort { .. }
        | Fault::NotText(_)
        | Fault::Material { .. }
        | Fault::Value { .. }
        | Fault::NameTaken(_)
        | Fault::NotAMailbox { .. }
        | Fault::ListTooLarge(_) => Reason::InvalidReference,
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
