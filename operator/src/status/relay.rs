//! The status of a relay.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_config::{Domain, NextHopTlsMode};
use postern_crds::{
    SmtpRelay, SmtpRelayStatus,
    condition::types,
    smtp_relay::{CertificateStatus, Listener, ListenerStatus, ListenerTlsMode},
};

use super::{Conditions, Reason};
use crate::{
    build::selector_of,
    validate::{Blocker, DomainState, Findings, SERVER_FOLDER, Validated},
};

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
    let accepted = accepted(&mut conditions, findings);
    resolved(&mut conditions, findings);
    let validated = findings.relay.as_ref().ok();
    let programmed = programmed(&mut conditions, validated, pods);
    ready(&mut conditions, pods);
    encrypted(&mut conditions, relay, validated);
    let unseen = "whether clients arrive with their own addresses is not observed yet";
    conditions.unknown(types::CLIENT_ADDRESS_PRESERVED, Reason::NotObserved, unseen);
    if accepted && !programmed && pods.refusals.is_empty() {
        conditions.set(types::RECONCILING, true, Reason::Pending, "a configuration is on its way to the pods");
    }
    if !accepted || !pods.refusals.is_empty() {
        let reason = if accepted { Reason::Refused } else { Reason::Invalid };
        conditions.set(types::STALLED, true, reason, "what was last good goes on; it takes a change of the resource to go further");
    }
    SmtpRelayStatus {
        observed_generation: relay.metadata.generation,
        conditions: conditions.finish(),
        addresses: Vec::new(),
        replicas: Some(pods.count),
        ready_replicas: Some(pods.ready),
        selector: Some(selector_of(relay)),
        attached_domains: i32::try_from(attached(findings)).ok(),
        listeners: relay.spec.listeners.iter().map(listener).collect(),
        config_hash: pods.config_hash.clone(),
        certificates: validated.map(certificates).unwrap_or_default(),
    }
}

fn accepted(conditions: &mut Conditions<'_>, findings: &Findings<'_>) -> bool {
    let faults = blockers(findings, |blocker| matches!(blocker, Blocker::Field(_)));
    let warnings = findings.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (reason, message) = if faults.is_empty() { (Reason::Accepted, warnings) } else { (Reason::Invalid, faults.join("; ")) };
    conditions.set(types::ACCEPTED, faults.is_empty(), reason, message);
    faults.is_empty()
}

fn resolved(conditions: &mut Conditions<'_>, findings: &Findings<'_>) {
    let certificates = blockers(findings, |blocker| matches!(blocker, Blocker::Certificate(_)));
    let issues = blockers(findings, |blocker| matches!(blocker, Blocker::Issue(_)));
    match (certificates.is_empty(), issues.is_empty()) {
        (true, true) => conditions.set(types::RESOLVED_REFS, true, Reason::ResolvedRefs, ""),
        (false, _) => conditions.set(types::RESOLVED_REFS, false, Reason::InvalidReference, certificates.join("; ")),
        (true, false) => conditions.set(types::RESOLVED_REFS, false, Reason::IssueFailed, issues.join("; ")),
    }
}

fn blockers(findings: &Findings<'_>, wanted: impl Fn(&Blocker) -> bool) -> Vec<String> {
    let blockers = findings.relay.as_ref().err().into_iter().flatten();
    blockers.filter(|blocker| wanted(blocker)).map(ToString::to_string).collect()
}

/// Never True without a ready pod: nobody runs anything then.
fn programmed(conditions: &mut Conditions<'_>, validated: Option<&Validated<'_>>, pods: &Pods) -> bool {
    let wanted = validated.map(|validated| validated.configuration.hash());
    let runs = wanted.is_some() && pods.config_hash == wanted && pods.ready > 0;
    let (reason, message) = if runs {
        (Reason::Programmed, String::new())
    } else if !pods.refusals.is_empty() {
        (Reason::Refused, format!("the relay refused its configuration and runs the last good one: {}", pods.refusals.join("; ")))
    } else if wanted.is_none() {
        (Reason::Invalid, "the resource gives no configuration; what was last good goes on".to_owned())
    } else if pods.ready == 0 {
        (Reason::NoReadyPods, "no pod is ready".to_owned())
    } else {
        (Reason::Pending, "not every ready pod runs this generation yet".to_owned())
    };
    conditions.set(types::PROGRAMMED, runs, reason, message);
    runs
}

fn ready(conditions: &mut Conditions<'_>, pods: &Pods) {
    match pods.ready {
        0 => conditions.set(types::READY, false, Reason::NoReadyPods, "no pod is ready, so no mail is taken"),
        _ => conditions.set(types::READY, true, Reason::Ready, ""),
    }
}

fn encrypted(conditions: &mut Conditions<'_>, relay: &SmtpRelay, validated: Option<&Validated<'_>>) {
    let listeners = relay.spec.listeners.iter().filter(|listener| listener.tls.mode == ListenerTlsMode::StartTlsOptional);
    let clear_in = listeners.map(|listener| format!("listener {} takes mail in clear", listener.name));
    let domains = validated.iter().flat_map(|validated| &validated.configuration.domains);
    let clear_out = domains.filter(|domain| may_be_clear(domain)).map(|domain| format!("mail of {} may go on in clear", domain.name));
    let links: Vec<_> = clear_in.chain(clear_out).collect();
    let reason = if links.is_empty() { Reason::Required } else { Reason::LinksInClear };
    conditions.set(types::ALL_LINKS_ENCRYPTED, links.is_empty(), reason, links.join("; "));
}

fn may_be_clear(domain: &Domain) -> bool {
    domain.next_hops().any(|hops| hops.tls.mode == NextHopTlsMode::Opportunistic)
}

fn attached(findings: &Findings<'_>) -> usize {
    findings.domains.iter().filter(|outcome| matches!(outcome.state, DomainState::Served | DomainState::Detached(_))).count()
}

fn listener(listener: &Listener) -> ListenerStatus {
    ListenerStatus { name: listener.name.clone(), port: listener.port, pod_port: listener.pod_port() }
}

fn certificates(validated: &Validated<'_>) -> Vec<CertificateStatus> {
    let server = validated.certificate.pair().map(|pair| (SERVER_FOLDER, pair));
    let clients = validated.client_certificates.iter().filter_map(|(folder, pair)| Some((folder.as_str(), pair.open()?)));
    let status = |(name, pair): (&str, &crate::material::CertifiedKey)| CertificateStatus {
        name: name.to_owned(),
        not_after: Time(pair.not_after()),
    };
    server.into_iter().chain(clients).map(status).collect()
}
