//! A domain that a relay took mail for, and lost by anything but its deletion, is answered 451 for the grace, and then refused.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use jiff::{SignedDuration, Timestamp};
use postern_operator::{
    inventory::{Inventory, Key},
    issue::Issued,
    references::relays_of,
    status::Applied,
    validate::Findings,
};
use support::{
    domain, find_at, inventory, issued, relay, secret,
    statuses::{condition, edge, noon, of_domain, running, settle},
    tenants::{configured, created, gate, grant, is_kept_waiting, namespace, state, tenant},
};

const SELECTOR: &str = "[{namespaces: {from: Selector, selector: {matchLabels: {mail: tenant}}}, domains: [example.com, '*.example.com']}]";
const DAY: SignedDuration = SignedDuration::from_hours(24);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn look(inventory: &Inventory, now: Timestamp) -> Findings<'_> {
    let (pair, authority) = issued(now);
    find_at(inventory, now, Issued { pair, authority: authority.bundle() })
}

/// A domain that the relay has taken, then lost by `lose`: 451 for a day, then not known any more, and served again once `mend` was done.
fn goes_and_comes_back(mut inventory: Inventory, lose: impl Fn(&mut Inventory), mend: impl Fn(&mut Inventory), reason: &str) {
    let settled = |inventory: &mut Inventory, now: Timestamp| settle(inventory, running, &Applied::default(), now);
    settled(&mut inventory, noon());
    let key = inventory.domains.keys().next_back().unwrap().clone();
    let at_edge = |inventory: &Inventory| of_domain(inventory, &key.namespace, &key.name).relays[0].clone();
    assert_eq!(at_edge(&inventory).detached_since, None);
    assert!(configured(&look(&inventory, noon()), "example.com").is_some_and(|domain| domain.next_hops().next().is_some()));

    lose(&mut inventory);
    let since = noon() + MINUTE;
    for now in [since, since + DAY / 2, since + DAY - MINUTE] {
        settled(&mut inventory, now);
        assert!(is_kept_waiting(&look(&inventory, now), "example.com"), "{reason} at {now}");
        assert_eq!(at_edge(&inventory).detached_since.unwrap().0, since, "{reason}: it counts from when it was lost");
        let (ready, why, message) = condition(&of_domain(&inventory, &key.namespace, &key.name).conditions, "Ready").unwrap();
        assert_eq!((ready, why), ("False", reason));
        assert!(message.ends_with("; its mail is answered 451 until 2026-11-25 12:01 UTC, then refused"), "{message}");
    }
    // The operator looks again when the time is up, without being told.
    assert_eq!(look(&inventory, since + MINUTE).due(since + MINUTE), Some(since + DAY));

    for now in [since + DAY, since + DAY + DAY] {
        settled(&mut inventory, now);
        assert!(configured(&look(&inventory, now), "example.com").is_none(), "{reason} at {now}");
        let accepted = condition(&at_edge(&inventory).conditions, "Accepted").unwrap().1.to_owned();
        assert_eq!(accepted, "DetachGraceEnded", "{reason}");
        assert_eq!(condition(&of_domain(&inventory, &key.namespace, &key.name).conditions, "Ready").unwrap().1, reason);
    }

    mend(&mut inventory);
    settled(&mut inventory, since + DAY + DAY + MINUTE);
    assert_eq!(at_edge(&inventory).detached_since, None, "{reason}");
    assert!(configured(&look(&inventory, since), "example.com").is_some());
}

#[test]
fn a_namespace_that_loses_its_label() {
    let inventory = inventory(&[&gate(SELECTOR), &namespace("blue", "mail", "tenant"), &tenant("blue", "a", "example.com", "")]);
    let label = |value: &'static str| {
        move |inventory: &mut Inventory| drop(inventory.namespaces.get_mut("blue").unwrap().insert("mail".to_owned(), value.to_owned()))
    };
    goes_and_comes_back(inventory, label("guest"), label("tenant"), "NotAllowedByRelay");
}

#[test]
fn a_relay_that_lets_nobody_in_any_more() {
    let inventory = inventory(&[&gate(SELECTOR), &namespace("blue", "mail", "tenant"), &tenant("blue", "a", "example.com", "")]);
    let allowed = inventory.relays[&edge()].spec.allowed_domains.clone();
    let lose = |inventory: &mut Inventory| inventory.relays.get_mut(&edge()).unwrap().spec.allowed_domains.clear();
    let mend = |inventory: &mut Inventory| inventory.relays.get_mut(&edge()).unwrap().spec.allowed_domains.clone_from(&allowed);
    goes_and_comes_back(inventory, lose, mend, "NotAllowedByRelay");
}

#[test]
fn a_grant_that_is_withdrawn() {
    let (pair, _) = issued(noon());
    let pair =
        secret("client", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]).replace("namespace: mail", "namespace: certs");
    let reference = domain("a", "example.com", "  tls: {clientCertificateRef: {name: client, namespace: certs}}\n");
    let inventory = inventory(&[&relay("edge", 25), &reference, &pair, &grant("certs", "AcceptedDomain", "mail", "kind: Secret")]);
    let grants = inventory.grants.clone();
    goes_and_comes_back(
        inventory,
        |inventory| inventory.grants.clear(),
        |inventory| inventory.grants.clone_from(&grants),
        "RefNotPermitted",
    );
}

#[test]
fn a_secret_that_is_gone() {
    let (pair, _) = issued(noon());
    let pair = secret("client", &[("tls.crt", pair.chain()), ("tls.key", pair.key().reveal())]);
    let inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "  tls: {clientCertificateRef: {name: client}}\n"), &pair]);
    let secrets = inventory.secrets.clone();
    goes_and_comes_back(
        inventory,
        |inventory| inventory.secrets.clear(),
        |inventory| inventory.secrets.clone_from(&secrets),
        "RefNotFound",
    );
}

#[test]
fn a_name_that_an_older_claim_of_another_namespace_covers() {
    // The older claim is there from the start, and comes to cover the name by an edit.
    let gate = gate("[{namespaces: {from: All}, domains: [com.example, '*.com.example', example.com, '*.example.com']}]");
    let mut inventory = inventory(&[&gate, &tenant("above", "above", "example.com", ""), &tenant("blue", "a", "sub.example.com", "")]);
    created(&mut inventory, "above", "above", 1);
    created(&mut inventory, "blue", "a", 2);
    let cover = |inventory: &mut Inventory, covers| {
        inventory.domains.get_mut(&Key::new("above", "above")).unwrap().spec.include_subdomains = covers;
    };
    settle(&mut inventory, running, &Applied::default(), noon());
    assert_eq!(condition(&of_domain(&inventory, "blue", "a").conditions, "Ready").unwrap().0, "True");
    cover(&mut inventory, true);
    settle(&mut inventory, running, &Applied::default(), noon());
    let findings = look(&inventory, noon());
    assert!(is_kept_waiting(&findings, "sub.example.com"), "its mail does not go to the other owner meanwhile");
    assert!(!is_kept_waiting(&findings, "example.com"));
    assert_eq!(condition(&of_domain(&inventory, "blue", "a").conditions, "Ready").unwrap().1, "DomainConflict");
    let later = look(&inventory, noon() + DAY);
    assert!(configured(&later, "sub.example.com").is_none());
}

#[test]
fn a_name_that_somebody_else_has_now_is_served_for_them_at_once() {
    let gate = gate("[{namespaces: {from: All}, domains: [example.com]}]");
    let mut inventory = inventory(&[&gate, &tenant("blue", "a", "example.com", ""), &tenant("green", "b", "example.com", "")]);
    created(&mut inventory, "blue", "a", 1);
    created(&mut inventory, "green", "b", 2);
    settle(&mut inventory, running, &Applied::default(), noon());
    inventory.relays.get_mut(&edge()).unwrap().spec.allowed_domains[0].namespaces.from = postern_crds::smtp_relay::NamespacesFrom::Same;
    inventory.namespaces.clear();
    settle(&mut inventory, running, &Applied::default(), noon());
    assert!(is_kept_waiting(&look(&inventory, noon()), "example.com"), "nobody has it, so it waits");
    // Green is let in again, blue is not.
    let relay = inventory.relays.get_mut(&edge()).unwrap();
    relay.spec.allowed_domains[0] = serde_json::from_value(serde_json::json!({
        "namespaces": { "from": "Selector", "selector": { "matchLabels": { "kubernetes.io/metadata.name": "green" } } },
        "domains": ["example.com"],
    }))
    .unwrap();
    inventory.namespaces = [("green".to_owned(), [("kubernetes.io/metadata.name".to_owned(), "green".to_owned())].into())].into();
    settle(&mut inventory, running, &Applied::default(), noon());
    let findings = look(&inventory, noon());
    assert!(!is_kept_waiting(&findings, "example.com"));
    assert!(state(&findings, "green", "b").cause().is_none());
    assert_eq!(state(&findings, "blue", "a").detached_since(), None, "its mail is not answered 451");
}

#[test]
fn a_domain_that_names_the_relay_no_more() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    let key = Key::new("mail", "a");
    inventory.domains.get_mut(&key).unwrap().spec.relay_refs[0].name = "egde".to_owned();
    let lost = noon() + MINUTE;
    settle(&mut inventory, running, &Applied::default(), lost);
    assert!(is_kept_waiting(&look(&inventory, lost), "example.com"), "a slip of the pen bounces nothing");
    let status = of_domain(&inventory, "mail", "a");
    let relays: Vec<_> = status.relays.iter().map(|shown| (shown.relay_ref.name.as_str(), shown.detached_since.is_some())).collect();
    assert_eq!(relays, [("egde", false), ("edge", true)]);
    assert_eq!(condition(&status.conditions, "Ready").unwrap().1, "RelayNotFound");
    assert!(relays_of(&inventory.domains[&key]).contains(&edge()), "the relay is still to be told of the domain");

    let over = look(&inventory, lost + DAY);
    assert!(configured(&over, "example.com").is_none());
    assert_eq!(over.domains.len(), 1, "the relay still says so, for the domain's status to forget it");
    drop(over);
    settle(&mut inventory, running, &Applied::default(), lost + DAY);
    assert_eq!(of_domain(&inventory, "mail", "a").relays.len(), 1, "the relay has forgotten it");
    assert!(!relays_of(&inventory.domains[&key]).contains(&edge()));
}

#[test]
fn a_domain_whose_resource_is_deleted_is_refused_at_once() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    inventory.domains.clear();
    assert!(configured(&look(&inventory, noon()), "example.com").is_none());
}

#[test]
fn without_a_grace_it_is_refused_at_once() {
    let relay = format!("{}  detachGraceSeconds: 0\n", gate(SELECTOR));
    let mut inventory = inventory(&[&relay, &namespace("blue", "mail", "tenant"), &tenant("blue", "a", "example.com", "")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    inventory.namespaces.get_mut("blue").unwrap().clear();
    assert!(configured(&look(&inventory, noon()), "example.com").is_none());
}

#[test]
fn a_domain_whose_reference_never_worked_waits_as_long() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "  tls: {clientCertificateRef: {name: missing}}\n")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    assert!(is_kept_waiting(&look(&inventory, noon() + DAY - MINUTE), "example.com"));
    assert!(configured(&look(&inventory, noon() + DAY), "example.com").is_none());
}

#[test]
fn an_operator_that_has_not_looked_yet_forgets_nothing() {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    let key = Key::new("mail", "a");
    let reports = [(edge(), postern_operator::status::Report::pending())].into();
    let status = postern_operator::status::domain(&inventory.domains[&key], &reports, noon());
    assert_eq!(condition(&status.relays[0].conditions, "Accepted").unwrap().0, "True");
    inventory.domains.get_mut(&key).unwrap().status = Some(status);
    inventory.domains.get_mut(&key).unwrap().spec.tls.client_certificate_ref =
        Some(postern_crds::reference::SecretReference { name: "gone".to_owned(), namespace: String::new() });
    assert!(is_kept_waiting(&look(&inventory, noon()), "example.com"));
}
