//! Of several AcceptedDomains that name one domain on one relay, the oldest gets its mail; the others are told who has it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_crds::AcceptedDomain;
use postern_operator::{
    dereference::{Refusal, lost},
    inventory::{Inventory, Key},
    validate::{Cause, DomainState},
};
use support::{domain, find, inventory, relay};

/// A claim of `example.com`, made at a second since the epoch.
fn claim(name: &str, created: Option<i64>) -> AcceptedDomain {
    let mut claims = inventory(&[&domain(name, "example.com", "")]).domains;
    let mut claim = claims.pop_first().unwrap().1;
    claim.metadata.creation_timestamp = created.map(|second| Time(Timestamp::from_second(second).unwrap()));
    claim
}

/// The only claim that is not lost.
fn winner(claims: &[AcceptedDomain]) -> String {
    let lost = lost(claims);
    let keys = claims.iter().map(|claim| Key::of(&claim.metadata));
    let held: Vec<_> = keys.filter(|key| !lost.contains_key(key)).collect();
    let [winner] = &held[..] else { panic!("{held:?}") };
    assert!(lost.values().all(|refusal| *refusal == Refusal::Conflict { winner: winner.clone(), covers: None }));
    winner.to_string()
}

#[test]
fn the_oldest_wins_whatever_its_name_and_whoever_is_asked_first() {
    let claims = [claim("a", Some(3)), claim("b", Some(1)), claim("c", Some(2))];
    assert_eq!(winner(&claims), "mail/b");
    let reversed: Vec<_> = claims.into_iter().rev().collect();
    assert_eq!(winner(&reversed), "mail/b");
}

#[test]
fn of_equally_old_claims_the_first_by_name_wins() {
    assert_eq!(winner(&[claim("b", Some(1)), claim("a", Some(1))]), "mail/a");
}

#[test]
fn a_claim_of_unknown_age_is_the_youngest() {
    assert_eq!(winner(&[claim("a", None), claim("b", Some(9))]), "mail/b");
}

#[test]
fn claims_of_other_names_are_in_nobodys_way() {
    let other = inventory(&[&domain("other", "example.org", "")]).domains.pop_first().unwrap().1;
    assert!(lost(&[claim("a", Some(1)), other]).is_empty());
}

/// Two claims of one name, the second of which is older.
fn contested() -> Inventory {
    let mut inventory = inventory(&[
        &relay("edge", 25),
        &domain("young", "example.com", "  includeSubdomains: true\n"),
        &domain("zealous", "example.com", "  recipients: {blocked: [old@example.com]}\n"),
    ]);
    for (name, second) in [("young", 2), ("zealous", 1)] {
        let domain = inventory.domains.get_mut(&Key::new("mail", name)).unwrap();
        domain.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).unwrap()));
    }
    inventory
}

#[test]
fn the_relay_has_the_domain_as_the_winner_says_and_the_loser_is_told() {
    let inventory = contested();
    let findings = find(&inventory);
    let configuration = &findings.relay.as_ref().unwrap().configuration;
    let [domain] = &configuration.domains[..] else { panic!("{:?}", configuration.domains) };
    assert_eq!(domain.blocked, ["old@example.com"]);
    assert!(!domain.include_subdomains);
    let lost = findings.domains.iter().find(|outcome| outcome.domain.metadata.name.as_deref() == Some("young")).unwrap();
    let cause = Cause::Refusal(Refusal::Conflict { winner: Key::new("mail", "zealous"), covers: None });
    assert_eq!(lost.state, DomainState::Refused { cause, since: None });
}

#[test]
fn a_winner_that_can_not_be_served_gives_nothing_to_the_loser() {
    let mut inventory = contested();
    let winner = inventory.domains.get_mut(&Key::new("mail", "zealous")).unwrap();
    winner.spec.tls.client_certificate_ref =
        Some(postern_crds::reference::SecretReference { name: "missing".to_owned(), namespace: String::new() });
    let findings = find(&inventory);
    let [domain] = &findings.relay.as_ref().unwrap().configuration.domains[..] else { panic!("not one domain") };
    assert_eq!(domain.kind, postern_config::DomainType::Detached);
}

#[test]
fn the_same_name_on_two_relays_is_no_conflict() {
    let elsewhere = domain("elsewhere", "example.com", "").replace("edge", "other");
    let inventory = inventory(&[&relay("edge", 25), &relay("other", 2525), &domain("here", "example.com", ""), &elsewhere]);
    let findings = find(&inventory);
    assert_eq!(findings.domains.len(), 1);
    assert_eq!(findings.domains[0].state, DomainState::Served);
}

#[test]
fn a_domain_below_another_is_a_domain_of_its_own() {
    let inventory = inventory(&[
        &relay("edge", 25),
        &domain("parent", "example.com", "  includeSubdomains: true\n"),
        &domain("child", "mail.example.com", ""),
    ]);
    assert!(find(&inventory).domains.iter().all(|outcome| outcome.state == DomainState::Served));
}

#[test]
fn a_domain_that_names_a_relay_of_its_own_namespace_has_no_say_at_one_of_the_same_name() {
    let foreign = domain("foreign", "example.com", "").replace("namespace: mail", "namespace: elsewhere");
    let inventory = inventory(&[&relay("edge", 25), &foreign]);
    assert!(find(&inventory).domains.is_empty());
}
