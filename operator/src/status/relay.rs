//! The status of a relay.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_crds::{
    SmtpRelay, SmtpRelayStatus,
    condition::types,
    smtp_relay::{CertificateStatus, Listener, ListenerStatus, Role},
};

use super::{
    Applied, Clients, Conditions, Queue, Reason, Trouble,
    clients::preserved,
    domain::reason_of,
    links::encrypted,
    queue::{durable, spool},
};
use crate::{
    build::{selector_of, server_secret},
    dereference::{Fault, Refusal},
    inventory::Key,
    material::CertifiedKey,
    references::secret_of,
    validate::{Blocker, Cause, DomainOutcome, DomainState, Findings, ServerCertificate, Validated, Warning, expires_soon},
};

/// How many domains a message names.
const NAMED: usize = 3;
/// How many certificates a status holds.
const CERTIFICATES: usize = 16;

/// What was seen of a relay's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// Pods that there are.
    pub count: i32,
    /// Those that are ready.
    pub ready: i32,
    /// The hash of the configuration that every ready pod runs; `None` when they run different ones, or none.
    pub config_hash: Option<String>,
    /// Why pods refused the configuration that they should run.
    pub refusals: Vec<String>,
    /// Why pods can't use what they were given so far; the rest may be on its way.
    pub delays: Vec<String>,
    /// The sessions that they saw, all pods together.
    pub clients: Clients,
    /// What each of them has in its queue, or in the one that they share.
    pub queues: Vec<Queue>,
}

/// What a relay shows of itself.
#[must_use]
pub fn relay(relay: &SmtpRelay, findings: &Findings<'_>, pods: &Pods, applied: &Applied, now: Timestamp) -> SmtpRelayStatus {
    let old = relay.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(relay.metadata.generation, now, old);
    let validated = findings.relay.as_ref().ok();
    let progress = Progress::of(relay, findings, pods, applied);
    accepted(&mut conditions, findings);
    resolved(&mut conditions, findings, applied.trouble.as_ref(), now);
    programmed(&mut conditions, &progress, pods.ready > 0);
    let flows = pods.ready > 0 && !is_unreachable(applied);
    ready(&mut conditions, findings, flows, &progress, now);
    encrypted(&mut conditions, relay, validated, now);
    if let Some(validated) = validated {
        durable(&mut conditions, validated);
    }
    preserved(&mut conditions, relay, validated, pods.clients);
    match &progress {
        Progress::Done | Progress::Asleep => {}
        Progress::Underway(reason, message) => conditions.set(types::RECONCILING, true, *reason, message.clone()),
        Progress::Stuck(reason, message) => conditions.set(types::STALLED, true, *reason, message.clone()),
    }
    SmtpRelayStatus {
        observed_generation: relay.metadata.generation,
        conditions: conditions.finish(),
        addresses: applied.addresses.clone(),
        replicas: Some(pods.count),
        ready_replicas: Some(pods.ready),
        selector: Some(selector_of(relay)),
        attached_domains: i32::try_from(served(findings)).ok(),
        listeners: relay.spec.listeners.iter().map(listener).collect(),
        config_hash: validated.map(|validated| validated.configuration.hash().to_owned()),
        certificates: validated.map(certificates).unwrap_or_default(),
        spool: validated.and_then(|validated| spool(validated, &pods.queues)),
    }
}

/// How far a generation has come, and why it has come no further.
enum Progress {
    Done,
    /// No pod is wanted.
    Asleep,
    Underway(Reason, String),
    /// Time alone changes nothing.
    Stuck(Reason, String),
}

impl Progress {
    fn of(relay: &SmtpRelay, findings: &Findings<'_>, pods: &Pods, applied: &Applied) -> Self {
        let validated = match &findings.relay {
            Ok(validated) => validated,
            Err(blockers) => return Self::blocked(blockers, applied.trouble.as_ref()),
        };
        let is_taken = pods.config_hash.as_deref() == Some(validated.configuration.hash()) && pods.ready > 0;
        if let Some(trouble) = &applied.trouble {
            Self::held_up(trouble)
        } else if !is_taken && !pods.refusals.is_empty() {
            Self::Stuck(Reason::Refused, format!("pods refused the configuration: {}", pods.refusals.join("; ")))
        } else if relay.spec.replicas == 0 && pods.count == 0 {
            Self::Asleep
        } else if let Some((reason, message)) = &applied.waiting {
            Self::Underway(*reason, message.clone())
        } else if is_taken {
            // Never without a ready pod: nobody runs anything then.
            Self::Done
        } else if pods.ready == 0 {
            Self::Underway(Reason::NoReadyPods, "pods are not ready yet".to_owned())
        } else {
            let waits = pods.delays.iter().map(|delay| format!("; {delay}"));
            Self::Underway(Reason::Pending, ["not every ready pod runs this generation yet".to_owned()].into_iter().chain(waits).collect())
        }
    }

    fn held_up(Trouble { reason, message, is_final }: &Trouble) -> Self {
        if *is_final { Self::Stuck(*reason, message.clone()) } else { Self::Underway(*reason, message.clone()) }
    }

    fn blocked(blockers: &[Blocker], trouble: Option<&Trouble>) -> Self {
        let reason = blockers.first().map_or(Reason::Invalid, reason_of_blocker);
        let message = blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        match (reason, trouble) {
            // It was not even asked.
            (Reason::CertificateNotIssued, Some(trouble)) => Self::held_up(trouble),
            // An issuer needs no help.
            (Reason::CertificateNotIssued, None) => Self::Underway(reason, message),
            _ => Self::Stuck(reason, message),
        }
    }
}

fn accepted(conditions: &mut Conditions<'_>, findings: &Findings<'_>) {
    let blockers = findings.relay.as_ref().err().into_iter().flatten();
    let faults: Vec<_> = blockers.filter(|blocker| matches!(blocker, Blocker::Field(_))).map(ToString::to_string).collect();
    let unjudged: Vec<_> =
        findings.warnings.iter().filter(|warning| matches!(warning, Warning::Unjudged(_))).map(ToString::to_string).collect();
    match (faults.is_empty(), unjudged.is_empty()) {
        (true, true) => conditions.set(types::ACCEPTED, true, Reason::Accepted, ""),
        (true, false) => conditions.set(types::ACCEPTED, false, Reason::NamespacesNotReadable, unjudged.join("; ")),
        (false, _) => conditions.set(types::ACCEPTED, false, Reason::Invalid, faults.join("; ")),
    }
}

fn resolved(conditions: &mut Conditions<'_>, findings: &Findings<'_>, trouble: Option<&Trouble>, now: Timestamp) {
    let fault = match &findings.relay {
        Err(blockers) => blockers.iter().find(|blocker| !matches!(blocker, Blocker::Field(_))).map(|blocker| unresolved(blocker, trouble)),
        Ok(validated) => expired(validated, now),
    };
    let postmaster = || findings.warnings.iter().find(|warning| matches!(warning, Warning::Postmaster(_)));
    match fault
        .or_else(|| locked_out(findings))
        .or_else(|| postmaster().map(|warning| (Reason::PostmasterNotAccepted, warning.to_string())))
    {
        Some((reason, message)) => conditions.set(types::RESOLVED_REFS, false, reason, message),
        None => match expiring(findings, now) {
            Some((reason, message)) => conditions.set(types::RESOLVED_REFS, true, reason, message),
            None => conditions.set(types::RESOLVED_REFS, true, Reason::ResolvedRefs, ""),
        },
    }
}

/// Users who can't log in.
fn locked_out(findings: &Findings<'_>) -> Option<(Reason, String)> {
    let problems = findings.warnings.iter().filter_map(|warning| match warning {
        Warning::LockedOut(problem) => Some((problem, warning.to_string())),
        Warning::Postmaster(_) | Warning::Unjudged(_) => None,
    });
    let (problems, texts): (Vec<_>, Vec<_>) = problems.unzip();
    problems.first().map(|problem| (reason_of(problem), texts.join("; ")))
}

/// What kept the issuer from being asked says more than that it has not issued anything.
fn unresolved(blocker: &Blocker, trouble: Option<&Trouble>) -> (Reason, String) {
    match (reason_of_blocker(blocker), trouble) {
        (Reason::CertificateNotIssued, Some(trouble)) => (trouble.reason, trouble.message.clone()),
        (reason, _) => (reason, blocker.to_string()),
    }
}

fn reason_of_blocker(blocker: &Blocker) -> Reason {
    match blocker {
        Blocker::Certificate(problem) | Blocker::Reference(problem) => reason_of(problem),
        Blocker::Issue(_) => Reason::IssueFailed,
        Blocker::Keyless(_) => Reason::SecretsNotReadable,
        Blocker::Field(_) => Reason::Invalid,
    }
}

/// A certificate that has ended is shown all the same: most senders don't look, and without it none could use TLS.
fn expired(validated: &Validated<'_>, now: Timestamp) -> Option<(Reason, String)> {
    let ended = validated.certificate.pair().map(CertifiedKey::not_after).filter(|end| *end <= now)?;
    let message = format!("spec.tls.certificate: {}{}; it is still shown to clients", named(validated), Fault::Expired(ended));
    Some((Reason::CertificateExpired, message))
}

/// The Secret that a certificate comes from, before what is said of it; nothing for one that the operator issued.
fn named(validated: &Validated<'_>) -> String {
    let certificate = validated.relay.spec.tls.certificate.as_ref();
    let secret = certificate.and_then(|certificate| secret_of(validated.relay, certificate));
    secret.map(|secret| format!("Secret {secret}: ")).unwrap_or_default()
}

/// A certificate of a Secret that nobody has renewed in time. The operator's own are its own business.
fn expiring(findings: &Findings<'_>, now: Timestamp) -> Option<(Reason, String)> {
    let Ok(validated @ Validated { certificate: ServerCertificate::Named(pair), .. }) = &findings.relay else { return None };
    let pair = pair.open().filter(|pair| expires_soon(pair) <= now)?;
    let end = pair.not_after().strftime("%Y-%m-%d %H:%M UTC");
    Some((Reason::CertificateExpiresSoon, format!("spec.tls.certificate: {}the certificate ends on {end}; renew it", named(validated))))
}

fn programmed(conditions: &mut Conditions<'_>, progress: &Progress, flows: bool) {
    let (reason, message) = match progress {
        Progress::Done => return conditions.set(types::PROGRAMMED, true, Reason::Programmed, ""),
        Progress::Asleep => (Reason::ScaledToZero, "spec.replicas is 0, so nobody runs anything".to_owned()),
        Progress::Stuck(reason, message) if flows => (*reason, format!("{message}; what was last good goes on")),
        Progress::Underway(reason, message) | Progress::Stuck(reason, message) => (*reason, message.clone()),
    };
    conditions.set(types::PROGRAMMED, false, reason, message);
}

/// Pods that no Service leads to get no mail: none could be made, and there was none before.
fn is_unreachable(applied: &Applied) -> bool {
    applied.trouble.is_some() && applied.addresses.is_empty()
}

/// Whether mail flows, and the reason that matters most, whether or not it does.
fn ready(conditions: &mut Conditions<'_>, findings: &Findings<'_>, flows: bool, progress: &Progress, now: Timestamp) {
    let is_usual = |reason: &Reason| matches!(reason, Reason::Pending | Reason::RollingOut | Reason::NoReadyPods);
    let (reason, message) = match progress {
        Progress::Underway(reason, _) if flows && is_usual(reason) => remark(findings, now).unwrap_or((Reason::Ready, String::new())),
        Progress::Stuck(reason, message) | Progress::Underway(reason, message) if flows => {
            (*reason, format!("mail flows with what was last good: {message}"))
        }
        Progress::Asleep => (Reason::ScaledToZero, "no mail is taken: spec.replicas is 0; scale the relay up".to_owned()),
        Progress::Stuck(reason, message) | Progress::Underway(reason, message) => (*reason, format!("no mail is taken: {message}")),
        Progress::Done => remark(findings, now).unwrap_or((Reason::Ready, String::new())),
    };
    conditions.set(types::READY, flows, reason, message);
}

/// What somebody should know of a relay that runs.
fn remark(findings: &Findings<'_>, now: Timestamp) -> Option<(Reason, String)> {
    let warning = || {
        let warning = findings.warnings.first()?;
        let reason = match warning {
            Warning::Postmaster(_) => Reason::PostmasterNotAccepted,
            Warning::Unjudged(_) => Reason::NamespacesNotReadable,
            Warning::LockedOut(problem) => reason_of(problem),
        };
        Some((reason, warning.to_string()))
    };
    let no_domains = || {
        takes_mail_of_strangers(findings).then_some(())?;
        let names_it = |outcome: &&DomainOutcome<'_>| !matches!(outcome.state.cause(), Some(Cause::Refusal(Refusal::NotNamed(_))));
        let named = findings
            .domains
            .iter()
            .filter(names_it)
            .map(|outcome| Key::of(&outcome.domain.metadata).to_string())
            .take(NAMED)
            .collect::<Vec<_>>();
        let message = if named.is_empty() {
            "no domain names this relay, so no mail is taken; apply an AcceptedDomain whose relayRefs does".to_owned()
        } else {
            format!("none of the domains that name this relay can be served; see the conditions of AcceptedDomain {}", named.join(", "))
        };
        (served(findings) == 0).then_some((Reason::NoAcceptedDomains, message))
    };
    let expired = findings.relay.as_ref().ok().and_then(|validated| expired(validated, now));
    expired.or_else(no_domains).or_else(|| expiring(findings, now)).or_else(warning)
}

/// A relay for mail out alone needs no accepted domain.
fn takes_mail_of_strangers(findings: &Findings<'_>) -> bool {
    let listeners = findings.relay.as_ref().map(|validated| &validated.relay.spec.listeners);
    listeners.is_ok_and(|listeners| listeners.iter().any(|listener| listener.role == Role::Inbound))
}

fn served(findings: &Findings<'_>) -> usize {
    findings.domains.iter().filter(|outcome| outcome.state == DomainState::Served).count()
}

fn listener(listener: &Listener) -> ListenerStatus {
    ListenerStatus { name: listener.name.clone(), port: listener.port, pod_port: listener.pod_port() }
}

/// The certificates of the pods: that of the listeners by its Secret, those for next hops by their names in the configuration.
fn certificates(validated: &Validated<'_>) -> Vec<CertificateStatus> {
    let server = validated.certificate.pair().map(|pair| (server_secret(validated.relay), pair));
    let clients = validated.client_certificates.iter();
    let clients = clients.filter_map(|(name, pair)| Some((name.clone(), pair.open()?)));
    let status = |(name, pair): (String, &CertifiedKey)| CertificateStatus { name, not_after: Time(pair.not_after()) };
    server.into_iter().chain(clients).take(CERTIFICATES).map(status).collect()
}
