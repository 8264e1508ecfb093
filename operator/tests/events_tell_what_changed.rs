//! Events tell each change once, with one of a fixed set of reasons.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_crds::{
    AcceptedDomainStatus, SmtpRelayStatus,
    smtp_relay::{Address, AddressType},
};
use postern_operator::{
    inventory::{Inventory, Key},
    status::{self, Applied, Clients, EventReason, Pods, Reason, Severity, Trouble},
    validate::Findings,
};
use support::{
    domain, inventory, issued, relay, secret,
    statuses::{edge, noon, of_domain, of_relay, running, settle, starting},
    tenants::{gate, namespace, tenant},
};

type Seen = fn(&Findings<'_>) -> Pods;

/// The reasons of the events of the relay when it comes to `after`.
fn of_change(old: Option<&SmtpRelayStatus>, new: &SmtpRelayStatus) -> Vec<&'static str> {
    status::of_relay(old, new, &[]).iter().map(|event| event.reason.as_str()).collect()
}

fn look(inventory: &mut Inventory, pods: Seen, applied: &Applied) -> SmtpRelayStatus {
    settle(inventory, pods, applied, noon());
    of_relay(inventory).clone()
}

#[test]
fn a_relay_tells_when_it_runs_what_holds_it_up_and_when_it_is_mended() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let fine = Applied::default();
    let new = look(&mut inventory, starting, &fine);
    assert_eq!(of_change(None, &new), Vec::<&str>::new(), "a start is no event");
    let up = look(&mut inventory, running, &fine);
    assert_eq!(of_change(Some(&new), &up), ["Programmed"]);
    assert_eq!(of_change(Some(&up), &up), Vec::<&str>::new(), "nothing is told twice");

    let collision = Trouble { reason: Reason::NameCollision, message: "Service mail/edge-public".to_owned(), is_final: true };
    let addresses = vec![Address { type_: AddressType::IPAddress, value: "192.0.2.1".to_owned() }];
    let stuck = look(&mut inventory, running, &Applied { trouble: Some(collision), addresses, ..fine.clone() });
    assert_eq!(of_change(Some(&up), &stuck), ["NameCollision"]);
    let mended = look(&mut inventory, running, &fine);
    assert_eq!(of_change(Some(&stuck), &mended), ["Programmed", "Recovered"]);

    let refused = look(&mut inventory, |_| Pods { count: 1, ready: 1, refusals: vec!["it relays".to_owned()], ..Pods::default() }, &fine);
    assert_eq!(of_change(Some(&mended), &refused), ["Refused"]);
    let down = look(&mut inventory, starting, &fine);
    assert_eq!(of_change(Some(&refused), &down), ["Recovered", "NoReadyPods"]);
}

#[test]
fn a_relay_tells_of_links_in_clear_and_of_clients_whose_addresses_are_hidden() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    let before = look(&mut inventory, running, &Applied::default());
    inventory.domains.values_mut().next().unwrap().spec.tls.mode = postern_crds::accepted_domain::NextHopTlsMode::Opportunistic.into();
    let hidden = |findings: &Findings<'_>| Pods { clients: Clients { own: 0, cluster: 3 }, ..running(findings) };
    let after = look(&mut inventory, hidden, &Applied::default());
    assert_eq!(of_change(Some(&before), &after), ["LinksInClear", "ClientAddressLost"]);
}

#[test]
fn a_relay_tells_of_its_certificate() {
    let named = format!("{}  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}\n", relay("edge", 25));
    let of = |age: SignedDuration| {
        let pair = issued(noon() - age).0;
        secret("mx-tls", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())])
    };
    let day = SignedDuration::from_hours(24);
    let mut fresh = inventory(&[&named, &of(day), &domain("a", "example.com", "")]);
    let mut aged = inventory(&[&named, &of(day * 80), &domain("a", "example.com", "")]);
    let mut ended = inventory(&[&named, &of(day * 91), &domain("a", "example.com", "")]);
    let [fresh, aged, ended] = [&mut fresh, &mut aged, &mut ended].map(|inventory| look(inventory, running, &Applied::default()));
    assert_eq!(of_change(Some(&fresh), &aged), ["CertificateExpiresSoon"]);
    assert_eq!(of_change(Some(&aged), &ended), ["CertificateExpired"]);
    assert_eq!(of_change(Some(&ended), &fresh), ["CertificateRenewed"]);
}

#[test]
fn the_reason_why_pods_are_replaced_is_told() {
    let status = SmtpRelayStatus::default();
    let events = status::of_relay(Some(&status), &status, &["image postern:1 → postern:2".to_owned(), "resources".to_owned()]);
    assert_eq!(events[0].reason, EventReason::PodsRolled);
    assert_eq!(events[0].note, "pods are replaced: image postern:1 → postern:2, resources");
    assert_eq!(events[0].severity, Severity::Normal);
}

fn of_domain_change(old: Option<&AcceptedDomainStatus>, new: &AcceptedDomainStatus) -> Vec<&'static str> {
    status::of_domain(old, new).iter().map(|event| event.reason.as_str()).collect()
}

#[test]
fn a_domain_tells_where_it_comes_and_goes() {
    let selector = "[{namespaces: {from: Selector, selector: {matchLabels: {mail: tenant}}}, domains: [example.com]}]";
    let mut inventory = inventory(&[&gate(selector), &namespace("blue", "mail", "tenant"), &tenant("blue", "a", "example.com", "")]);
    let mut before: Option<AcceptedDomainStatus> = None;
    let mut told = |inventory: &mut Inventory, hours: i64| {
        settle(inventory, running, &Applied::default(), noon() + SignedDuration::from_hours(hours));
        let new = of_domain(inventory, "blue", "a").clone();
        let told = of_domain_change(before.as_ref(), &new);
        before = Some(new);
        told
    };
    let label = |inventory: &mut Inventory, value: &str| {
        inventory.namespaces.get_mut("blue").unwrap().insert("mail".to_owned(), value.to_owned());
    };
    assert_eq!(told(&mut inventory, 0), ["Attached"]);
    assert_eq!(told(&mut inventory, 0), Vec::<&str>::new());
    label(&mut inventory, "guest");
    assert_eq!(told(&mut inventory, 1), ["Detached"]);
    assert_eq!(told(&mut inventory, 2), Vec::<&str>::new());
    assert_eq!(told(&mut inventory, 26), ["DetachGraceEnded"]);
    assert_eq!(told(&mut inventory, 27), Vec::<&str>::new());
    label(&mut inventory, "tenant");
    assert_eq!(told(&mut inventory, 28), ["Reattached"]);
}

#[test]
fn a_domain_that_is_not_taken_tells_why() {
    let mut inventory = inventory(&[
        &relay("edge", 25),
        &domain("a", "example.com", ""),
        &domain("b", "example.com", ""),
        &tenant("blue", "c", "example.net", ""),
        &domain("d", "example.org", "  tls: {clientCertificateRef: {name: missing}}\n"),
    ]);
    for (name, second) in [("a", 1), ("b", 2)] {
        inventory.domains.get_mut(&Key::new("mail", name)).unwrap().metadata.creation_timestamp =
            Some(Time(jiff::Timestamp::from_second(second).unwrap()));
    }
    settle(&mut inventory, running, &Applied::default(), noon());
    let told = |namespace: &str, name: &str| status::of_domain(None, of_domain(&inventory, namespace, name));
    assert_eq!(told("mail", "b")[0].reason, EventReason::DomainConflict);
    assert_eq!(told("blue", "c")[0].reason, EventReason::NotAccepted);
    let broken = told("mail", "d");
    assert_eq!((broken[0].reason, broken[0].severity), (EventReason::Detached, Severity::Warning));
    assert!(broken[0].note.starts_with("SmtpRelay mail/edge: RefNotFound: spec.tls.clientCertificateRef"), "{}", broken[0].note);
    assert!(inventory.relays.contains_key(&edge()));
}

#[test]
fn reasons_are_words_of_their_own_and_notes_fit() {
    let names: BTreeSet<_> = EventReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), EventReason::ALL.len());
    assert!(EventReason::ALL.iter().all(|reason| reason.meaning().ends_with('.')));
    let note = status::Event::new(EventReason::Refused, &"ä".repeat(2000)).note;
    assert!(note.len() <= 1024 && note.len() > 900);
}
