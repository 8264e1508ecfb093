//! A domain that was stored by another version of the schema, and can't be read any more, bounces no mail: its relay answers "try again".

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::{inventory::Key, salvage::salvage, status::Applied};
use serde_json::{Value, json};
use support::{
    domain, find, inventory, relay,
    statuses::{noon, running, settle},
    tenants::{configured, is_kept_waiting},
};

/// `mail/a` as the API server would give it, after a relay has taken it.
fn stored() -> Value {
    let mut inventory = inventory(&[&relay("edge", 25), &domain("a", "example.com", "  includeSubdomains: true\n")]);
    settle(&mut inventory, running, &Applied::default(), noon());
    serde_json::to_value(&inventory.domains[&Key::new("mail", "a")]).unwrap()
}

#[test]
fn what_is_left_of_it_is_enough_to_answer_for_it() {
    for (field, value) in
        [("nextHops", json!("mail.example.com")), ("type", json!("OtherRelay")), ("tls", json!([1])), ("recipients", json!(7))]
    {
        let mut stored = stored();
        stored["spec"][field] = value;
        assert!(serde_json::from_value::<postern_crds::AcceptedDomain>(stored.clone()).is_err(), "{field} is read");
        let mut inventory = inventory(&[&relay("edge", 25), &domain("b", "example.org", "")]);
        inventory.domains.insert(Key::new("mail", "a"), salvage(&stored).unwrap());
        let findings = find(&inventory);
        assert!(is_kept_waiting(&findings, "example.com"), "{field}");
        assert!(configured(&findings, "example.com").unwrap().include_subdomains, "{field}");
        assert!(!is_kept_waiting(&findings, "example.org"), "{field}");
    }
}

#[test]
fn a_status_that_can_not_be_read_either_costs_the_status_alone() {
    let mut stored = stored();
    stored["spec"]["type"] = json!("ExternalRelay");
    stored["status"]["relays"] = json!("edge");
    assert_eq!(salvage(&stored).unwrap().status, None);
}

#[test]
fn what_does_not_even_say_which_domain_it_is_is_nothing() {
    for field in ["domain", "relayRefs"] {
        let mut stored = stored();
        stored["spec"][field] = json!(1);
        assert_eq!(salvage(&stored), None, "{field}");
    }
}
