//! Conditions say what holds, why not, and what would mend it; their times change only when their status does.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::{
    AcceptedDomainStatus, SmtpRelay, SmtpRelayStatus,
    smtp_relay::{Address, AddressType},
};
use postern_operator::{
    inventory::{Inventory, Key},
    status::{self, Applied, Pods, Reason, Report, Trouble},
    validate::Findings,
};
use support::{domain, find, inventory, issued, last_year, relay, secret};

fn now() -> Timestamp {
    "2026-11-24T12:00:00.123456Z".parse().unwrap()
}

fn edge() -> Key {
    Key::new("mail", "edge")
}

/// Pods that run what `findings` say.
fn running(findings: &Findings<'_>) -> Pods {
    Pods { config_hash: Some(findings.relay.as_ref().unwrap().configuration.hash().to_owned()), ..ready("another") }
}

/// Pods that run the configuration `hash`.
fn ready(hash: &str) -> Pods {
    Pods { count: 2, ready: 2, config_hash: Some(hash.to_owned()), ..Pods::default() }
}

fn relay_status(inventory: &Inventory, pods: impl FnOnce(&Findings<'_>) -> Pods) -> SmtpRelayStatus {
    let findings = find(inventory);
    let pods = pods(&findings);
    status::relay(&inventory.relays[&edge()], &findings, &pods, &Applied::default(), now())
}

/// Status, reason and message of a condition.
fn condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((&found.status, &found.reason, &found.message))
}

#[test]
fn a_relay_whose_pods_run_it_is_programmed_and_ready() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    inventory.relays.get_mut(&edge()).unwrap().metadata.generation = Some(4);
    let status = relay_status(&inventory, running);
    for type_ in ["Accepted", "ResolvedRefs", "Programmed", "Ready", "AllLinksEncrypted"] {
        assert_eq!(condition(&status.conditions, type_).unwrap().0, "True", "{type_}");
    }
    assert_eq!(condition(&status.conditions, "ClientAddressPreserved").unwrap().0, "Unknown");
    for type_ in ["Reconciling", "Stalled"] {
        assert_eq!(condition(&status.conditions, type_), None, "{type_}");
    }
    assert_eq!(status.observed_generation, Some(4));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(4)));
    assert_eq!((status.replicas, status.ready_replicas, status.attached_domains), (Some(2), Some(2), Some(1)));
    assert_eq!(status.certificates[0].name, "edge-tls");
    assert_eq!((status.listeners[0].port, status.listeners[0].pod_port), (25, 10025));
    assert!(status.selector.unwrap().contains("app.kubernetes.io/instance=edge"));
}

#[test]
fn the_hash_is_that_of_what_was_written_whatever_runs() {
    let inventory = inventory(&[&relay("edge", 25)]);
    let written = find(&inventory).relay.unwrap().configuration.hash().to_owned();
    assert_eq!(relay_status(&inventory, |_| ready("another")).config_hash, Some(written));
}

#[test]
fn a_relay_is_not_programmed_by_another_configuration_by_none_or_without_ready_pods() {
    let inventory = inventory(&[&relay("edge", 25)]);
    let programmed = |pods: Pods| {
        let status = relay_status(&inventory, |_| pods);
        assert!(condition(&status.conditions, "Reconciling").is_some());
        let (status, reason, _) = condition(&status.conditions, "Programmed").unwrap();
        assert_eq!(status, "False");
        reason.to_owned()
    };
    assert_eq!(programmed(ready("another")), "Pending");
    assert_eq!(programmed(Pods::default()), "NoReadyPods");
    let wanted = find(&inventory).relay.unwrap().configuration.hash().to_owned();
    assert_eq!(programmed(Pods { ready: 0, ..ready(&wanted) }), "NoReadyPods");
}

/// What came of applying when something kept an object from being written, and the relay has Services at `addresses`.
fn held_up(reason: Reason, message: &str, addresses: Vec<Address>) -> Applied {
    Applied { addresses, trouble: Some(Trouble { reason, message: message.to_owned(), is_final: true }), ..Applied::default() }
}

#[test]
fn a_relay_that_no_service_leads_to_takes_no_mail() {
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let findings = find(&inventory);
    let seen = |applied: &Applied| status::relay(&inventory.relays[&edge()], &findings, &running(&findings), applied, now()).conditions;
    let collision = "Service mail/edge-public is there and does not belong to this relay";
    let alone = seen(&held_up(Reason::NameCollision, collision, Vec::new()));
    let (ready, reason, message) = condition(&alone, "Ready").unwrap();
    assert_eq!((ready, reason, message), ("False", "NameCollision", format!("no mail is taken: {collision}").as_str()));
    // One of its Services is there.
    let address = Address { type_: AddressType::IPAddress, value: "192.0.2.1".to_owned() };
    let reached = seen(&held_up(Reason::NameCollision, collision, vec![address]));
    assert_eq!(condition(&reached, "Ready").unwrap().0, "True");
}

#[test]
fn what_keeps_an_issuer_from_being_asked_is_told_before_that_it_has_issued_nothing() {
    let issued = format!("{}  tls: {{certificate: {{issuerRef: {{name: letsencrypt}}}}}}\n", relay("edge", 25));
    let inventory = inventory(&[&issued, &domain("a", "example.com", "")]);
    let findings = find(&inventory);
    let seen = |applied: &Applied| status::relay(&inventory.relays[&edge()], &findings, &Pods::default(), applied, now()).conditions;
    let waits = seen(&Applied::default());
    assert_eq!(condition(&waits, "ResolvedRefs").unwrap().1, "CertificateNotIssued");
    assert!(condition(&waits, "Reconciling").is_some() && condition(&waits, "Stalled").is_none());
    let unasked = seen(&held_up(Reason::ApiMissing, "install cert-manager", Vec::new()));
    for type_ in ["ResolvedRefs", "Programmed", "Ready", "Stalled"] {
        let (_, reason, message) = condition(&unasked, type_).unwrap();
        assert!(reason == "ApiMissing" && message.ends_with("install cert-manager"), "{type_} {reason} {message}");
    }
    assert_eq!(condition(&unasked, "Reconciling"), None);
}

#[test]
fn a_configuration_that_a_pod_refused_stalls_the_relay_and_says_why() {
    let inventory = inventory(&[&relay("edge", 25)]);
    let status = relay_status(&inventory, |_| Pods { refusals: vec!["it relays".to_owned()], ..ready("another") });
    let (_, reason, message) = condition(&status.conditions, "Programmed").unwrap();
    assert_eq!(reason, "Refused");
    assert!(message.contains("it relays"));
    assert!(condition(&status.conditions, "Stalled").is_some());
    assert_eq!(condition(&status.conditions, "Ready").unwrap().0, "True", "mail flows by the last good one");
}

#[test]
fn a_reference_that_fails_stalls_the_relay_and_names_its_field() {
    let relay = format!("{}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n", relay("edge", 25));
    let status = relay_status(&inventory(&[&relay]), |_| ready("last good"));
    let (holds, reason, message) = condition(&status.conditions, "ResolvedRefs").unwrap();
    assert_eq!((holds, reason), ("False", "RefNotFound"));
    assert!(message.starts_with("spec.tls.certificate.secretRef: Secret mail/mx-tls"));
    assert_eq!(condition(&status.conditions, "Accepted").unwrap().0, "True");
    assert_eq!(condition(&status.conditions, "Programmed").unwrap().0, "False");
    assert!(condition(&status.conditions, "Stalled").is_some() && condition(&status.conditions, "Reconciling").is_none());

    let old = issued(last_year()).0;
    let ended = secret("mx-tls", &[("tls.crt", old.chain()), ("tls.key", old.key().reveal())]);
    let inventory = inventory(&[&relay, &ended]);
    let findings = find(&inventory);
    let status = status::relay(&inventory.relays[&edge()], &findings, &running(&findings), &Applied::default(), Timestamp::now());
    assert_eq!(condition(&status.conditions, "ResolvedRefs").unwrap().1, "CertificateExpired");
    assert_eq!(condition(&status.conditions, "Programmed").unwrap().0, "True", "it is still shown");
}

#[test]
fn what_no_schema_can_tell_is_not_accepted() {
    let relay = format!("{}  podTemplate: {{resources: {{limits: {{memory: 1Mi}}}}}}\n", relay("edge", 25));
    let status = relay_status(&inventory(&[&relay]), |_| Pods::default());
    let (holds, reason, message) = condition(&status.conditions, "Accepted").unwrap();
    assert_eq!((holds, reason), ("False", "Invalid"));
    assert!(message.contains("spec.podTemplate.resources.limits.memory"));
}

#[test]
fn a_postmaster_without_a_domain_is_told() {
    let relay = format!("{}  postmaster: me@example.com\n", relay("edge", 25));
    let status = relay_status(&inventory(&[&relay]), running);
    assert_eq!(condition(&status.conditions, "ResolvedRefs").unwrap().1, "PostmasterNotAccepted");
    assert_eq!(condition(&status.conditions, "Programmed").unwrap().0, "True");
}

#[test]
fn every_link_that_may_be_in_clear_is_named() {
    let relaxed = relay("edge", 25).replace("port: 25", "port: 25, tls: {mode: StartTlsOptional}");
    let domains = [
        domain("a", "clear.example.com", "  tls: {mode: Opportunistic}\n"),
        domain("b", "verified.example.com", ""),
        domain("c", "unverified.example.com", "  tls: {mode: Encrypt}\n"),
    ];
    let status = relay_status(&inventory(&[&relaxed, &domains[0], &domains[1], &domains[2]]), running);
    let (holds, reason, message) = condition(&status.conditions, "AllLinksEncrypted").unwrap();
    assert_eq!((holds, reason), ("False", "LinksInClear"));
    assert!(message.contains("listener mx") && message.contains("clear.example.com"), "{message}");
    assert!(!message.contains("verified.example.com"), "{message}");

    // Never in clear, but nobody knows who is there.
    let status = relay_status(&inventory(&[&relay("edge", 25), &domains[1], &domains[2]]), running);
    let (holds, _, message) = condition(&status.conditions, "AllLinksEncrypted").unwrap();
    assert_eq!((holds, message), ("True", "next hops of unverified.example.com are not verified (Encrypt)"));
}

#[test]
fn times_change_only_when_a_status_does_and_are_whole_seconds() {
    let mut inventory = inventory(&[&relay("edge", 25)]);
    let first = relay_status(&inventory, running);
    let since = |status: &SmtpRelayStatus, type_: &str| {
        status.conditions.iter().find(|condition| condition.type_ == type_).unwrap().last_transition_time.0
    };
    assert_eq!(since(&first, "Ready").to_string(), "2026-11-24T12:00:00Z");

    inventory.relays.get_mut(&edge()).unwrap().status = Some(first.clone());
    let later = now() + SignedDuration::from_hours(1);
    let findings = find(&inventory);
    let second = status::relay(&inventory.relays[&edge()], &findings, &Pods { ready: 1, ..ready("another") }, &Applied::default(), later);
    assert_eq!(since(&second, "Ready"), since(&first, "Ready"));
    assert!(since(&second, "Programmed") > since(&first, "Programmed"));
}

/// A domain's status at relays that are there, given their pods.
fn domain_status(inventory: &Inventory, name: &str, pods: impl FnOnce(&Findings<'_>) -> Pods) -> AcceptedDomainStatus {
    let findings = find(inventory);
    let relay = &inventory.relays[&edge()];
    let relay = SmtpRelay { status: Some(status::relay(relay, &findings, &pods(&findings), &Applied::default(), now())), ..relay.clone() };
    let reports: BTreeMap<_, _> = [(edge(), Report::new(&findings, Some(&relay)))].into();
    status::domain(&inventory.domains[&Key::new("mail", name)], &reports, now())
}

#[test]
fn a_domain_that_its_relay_runs_is_ready() {
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let status = domain_status(&inventory, "a", running);
    assert_eq!(status.relays[0].relay_ref.name, "edge");
    for type_ in ["Accepted", "ResolvedRefs", "Programmed"] {
        assert_eq!(condition(&status.relays[0].conditions, type_).unwrap().0, "True", "{type_}");
    }
    assert_eq!(condition(&status.conditions, "Ready").unwrap().0, "True");
}

#[test]
fn a_domain_says_why_it_is_not_served() {
    let inventory = inventory(&[
        &relay("edge", 25),
        &domain("a", "example.com", ""),
        &domain("b", "example.com", ""),
        &domain("c", "co.uk", ""),
        &domain("d", "example.org", "  tls: {clientCertificateRef: {name: missing}}\n"),
        &domain("e", "example.net", "").replace("{name: edge}", "{name: edge}, {name: missing}"),
    ]);
    let expected = [
        ("b", 0, "Accepted", "DomainConflict", "spec.domain: AcceptedDomain mail/a claimed this name before"),
        ("c", 0, "Accepted", "Invalid", "spec.domain: `co.uk` is a public suffix"),
        ("d", 0, "ResolvedRefs", "RefNotFound", "spec.tls.clientCertificateRef: Secret mail/missing"),
        ("e", 1, "Accepted", "RelayNotFound", "spec.relayRefs: there is no SmtpRelay mail/missing; create it, or change relayRefs"),
    ];
    for (name, relay, type_, reason, message) in expected {
        let status = domain_status(&inventory, name, running);
        let found = condition(&status.relays[relay].conditions, type_).unwrap();
        assert_eq!((found.0, found.1), ("False", reason), "{name}");
        assert!(found.2.starts_with(message), "{name}: {}", found.2);
        assert_eq!(condition(&status.conditions, "Ready").unwrap().1, reason, "{name}");
        assert!(condition(&status.conditions, "Stalled").is_some(), "{name}");
    }
}

#[test]
fn a_domain_waits_for_its_relay() {
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let pending = domain_status(&inventory, "a", |_| ready("another"));
    assert_eq!(condition(&pending.relays[0].conditions, "Programmed").unwrap().1, "Pending");
    assert_eq!(condition(&pending.conditions, "Reconciling").unwrap().1, "Pending");
}

#[test]
fn a_change_of_another_domain_turns_nothing_over_and_a_change_of_its_own_does() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let key = Key::new("mail", "a");
    inventory.domains.get_mut(&key).unwrap().metadata.generation = Some(1);
    let settled = domain_status(&inventory, "a", running);
    inventory.domains.get_mut(&key).unwrap().status = Some(settled.clone());
    assert_eq!(domain_status(&inventory, "a", |_| ready("another")), settled);

    inventory.domains.get_mut(&key).unwrap().metadata.generation = Some(2);
    let changed = domain_status(&inventory, "a", |_| ready("another"));
    assert_eq!(condition(&changed.conditions, "Ready").unwrap().0, "False");

    // Without a ready pod nobody serves anything.
    inventory.domains.get_mut(&key).unwrap().metadata.generation = Some(1);
    let down = domain_status(&inventory, "a", |_| Pods::default());
    assert_eq!(condition(&down.conditions, "Ready").unwrap().1, "NoReadyPods");
}
