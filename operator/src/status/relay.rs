//! The status of a relay.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_config::{DomainName, NextHopTlsMode};
use postern_crds::{
    SmtpRelay, SmtpRelayStatus,
    condition::types,
    smtp_relay::{CertificateStatus, Listener, ListenerStatus, ListenerTlsMode},
};

use super::{Conditions, Reason, domain::reason_of};
use crate::{
    build::{client_secret, selector_of, server_secret},
    dereference::Fault,
    material::CertifiedKey,
    validate::{Blocker, DomainState, Findings, Validated},
};

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
    /// Why pods refused the configuration that they were given.
    pub refusals: Vec<String>,
}

/// What a relay shows of itself.
#[must_use]
pub fn relay(relay: &SmtpRelay, findings: &Findings<'_>, pods: &Pods, now: Timestamp) -> SmtpRelayStatus {
    let old = relay.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(relay.metadata.generation, now, old);
    accepted(&mut conditions, findings);
    resolved(&mut conditions, findings, now);
    let validated = findings.relay.as_ref().ok();
    let progress = programmed(&mut conditions, validated, pods);
    ready(&mut conditions, pods);
    encrypted(&mut conditions, relay, validated);
    let unseen = "whether clients arrive with their own addresses is not observed yet";
    conditions.unknown(types::CLIENT_ADDRESS_PRESERVED, Reason::NotObserved, unseen);
    match progress {
        Progress::Done => {}
        Progress::Underway => conditions.set(types::RECONCILING, true, Reason::Pending, "a configuration is on its way to the pods"),
        Progress::Stuck(reason) => {
            conditions.set(types::STALLED, true, reason, "what was last good goes on; it takes a change to go further");
        }
    }
    SmtpRelayStatus {
        observed_generation: relay.metadata.generation,
        conditions: conditions.finish(),
        addresses: Vec::new(),
        replicas: Some(pods.count),
        ready_replicas: Some(pods.ready),
        selector: Some(selector_of(relay)),
        attached_domains: i32::try_from(served(findings)).ok(),
        listeners: relay.spec.listeners.iter().map(listener).collect(),
        config_hash: validated.map(|validated| validated.configuration.hash().to_owned()),
        certificates: validated.map(certificates).unwrap_or_default(),
    }
}

/// How far a generation has come.
enum Progress {
    Done,
    Underway,
    Stuck(Reason),
}

fn accepted(conditions: &mut Conditions<'_>, findings: &Findings<'_>) {
    let faults = blockers(findings, |blocker| matches!(blocker, Blocker::Field(_)));
    let reason = if faults.is_empty() { Reason::Accepted } else { Reason::Invalid };
    conditions.set(types::ACCEPTED, faults.is_empty(), reason, faults.join("; "));
}

fn resolved(conditions: &mut Conditions<'_>, findings: &Findings<'_>, now: Timestamp) {
    let fault = match &findings.relay {
        Err(blockers) => blockers.iter().find_map(unresolved),
        Ok(validated) => expired(validated, now),
    };
    let warning = || findings.warnings.first().map(|warning| (Reason::PostmasterNotAccepted, warning.to_string()));
    match fault.or_else(warning) {
        Some((reason, message)) => conditions.set(types::RESOLVED_REFS, false, reason, message),
        None => conditions.set(types::RESOLVED_REFS, true, Reason::ResolvedRefs, ""),
    }
}

fn unresolved(blocker: &Blocker) -> Option<(Reason, String)> {
    let reason = match blocker {
        Blocker::Certificate(problem) => reason_of(problem),
        Blocker::Issue(_) => Reason::IssueFailed,
        Blocker::Field(_) => return None,
    };
    Some((reason, blocker.to_string()))
}

/// A certificate that has ended is shown all the same: most senders don't look, and without it none could use TLS.
fn expired(validated: &Validated<'_>, now: Timestamp) -> Option<(Reason, String)> {
    let ended = validated.certificate.pair().map(CertifiedKey::not_after).filter(|end| *end <= now)?;
    Some((Reason::CertificateExpired, format!("spec.tls.certificate: {}; it is still shown to clients", Fault::Expired(ended))))
}

fn blockers(findings: &Findings<'_>, wanted: impl Fn(&Blocker) -> bool) -> Vec<String> {
    let blockers = findings.relay.as_ref().err().into_iter().flatten();
    blockers.filter(|blocker| wanted(blocker)).map(ToString::to_string).collect()
}

/// Never True without a ready pod: nobody runs anything then.
fn programmed(conditions: &mut Conditions<'_>, validated: Option<&Validated<'_>>, pods: &Pods) -> Progress {
    let wanted = validated.map(|validated| validated.configuration.hash().to_owned());
    let (reason, message, progress) = if wanted.is_some() && pods.config_hash == wanted && pods.ready > 0 {
        (Reason::Programmed, String::new(), Progress::Done)
    } else if wanted.is_none() {
        let message = "the resource gives no configuration, and what was last good goes on; see Accepted and ResolvedRefs";
        (Reason::Invalid, message.to_owned(), Progress::Stuck(Reason::Invalid))
    } else if !pods.refusals.is_empty() {
        let message = format!("the relay refused its configuration and runs the last good one: {}", pods.refusals.join("; "));
        (Reason::Refused, message, Progress::Stuck(Reason::Refused))
    } else if pods.ready == 0 {
        (Reason::NoReadyPods, "no pod is ready".to_owned(), Progress::Underway)
    } else {
        (Reason::Pending, "not every ready pod runs this generation yet".to_owned(), Progress::Underway)
    };
    conditions.set(types::PROGRAMMED, matches!(progress, Progress::Done), reason, message);
    progress
}

fn ready(conditions: &mut Conditions<'_>, pods: &Pods) {
    match pods.ready {
        0 => conditions.set(types::READY, false, Reason::NoReadyPods, "no pod is ready, so no mail is taken"),
        _ => conditions.set(types::READY, true, Reason::Ready, ""),
    }
}

/// Whether every link requires TLS. A next hop whose certificate nobody checks counts, as it never gets mail in clear; but it is named.
fn encrypted(conditions: &mut Conditions<'_>, relay: &SmtpRelay, validated: Option<&Validated<'_>>) {
    let listeners = relay.spec.listeners.iter().filter(|listener| listener.tls.mode == ListenerTlsMode::StartTlsOptional);
    let clear_in = listeners.map(|listener| format!("listener {} takes mail in clear (StartTlsOptional)", listener.name));
    let clear_out = next_hops(validated, NextHopTlsMode::Opportunistic);
    let links: Vec<_> = clear_in.chain(clear_out.map(|domain| format!("mail of {domain} may go on in clear (Opportunistic)"))).collect();
    if links.is_empty() {
        let unverified =
            next_hops(validated, NextHopTlsMode::Encrypt).map(|domain| format!("next hops of {domain} are not verified (Encrypt)"));
        conditions.set(types::ALL_LINKS_ENCRYPTED, true, Reason::Required, unverified.collect::<Vec<_>>().join("; "));
    } else {
        conditions.set(types::ALL_LINKS_ENCRYPTED, false, Reason::LinksInClear, links.join("; "));
    }
}

/// The domains some of whose next hops have the mode.
fn next_hops<'a>(validated: Option<&'a Validated<'_>>, mode: NextHopTlsMode) -> impl Iterator<Item = &'a DomainName> {
    let domains = validated.into_iter().flat_map(|validated| &validated.configuration.domains);
    domains.filter(move |domain| domain.next_hops().any(|hops| hops.tls.mode == mode)).map(|domain| &domain.name)
}

fn served(findings: &Findings<'_>) -> usize {
    findings.domains.iter().filter(|outcome| outcome.state == DomainState::Served).count()
}

fn listener(listener: &Listener) -> ListenerStatus {
    ListenerStatus { name: listener.name.clone(), port: listener.port, pod_port: listener.pod_port() }
}

/// The Secrets that the pods have their certificates from.
fn certificates(validated: &Validated<'_>) -> Vec<CertificateStatus> {
    let server = validated.certificate.pair().map(|pair| (server_secret(validated.relay), pair));
    let clients = validated.client_certificates.iter();
    let clients = clients.filter_map(|(folder, pair)| Some((client_secret(validated.relay, folder), pair.open()?)));
    let status = |(name, pair): (String, &CertifiedKey)| CertificateStatus { name, not_after: Time(pair.not_after()) };
    server.into_iter().chain(clients).take(CERTIFICATES).map(status).collect()
}
