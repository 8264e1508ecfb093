//! Tools that wait for a resource (kstatus) see it done when it is, failed when somebody has to act, and in progress in between.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use postern_operator::inventory::{Inventory, Key};
use support::{
    kstatus::{Kstatus, kstatus},
    scenarios::{Scenario, scenarios},
    statuses::{condition, edge, noon, settle},
};

#[test]
fn each_scenario_is_what_it_is_called() {
    for Scenario { name, mut inventory, pods, applied, relay, domain } in scenarios() {
        for metadata in inventory.relays.values_mut().map(|relay| &mut relay.metadata) {
            metadata.generation = Some(3);
        }
        for metadata in inventory.domains.values_mut().map(|domain| &mut domain.metadata) {
            metadata.generation = Some(7);
        }
        settle(&mut inventory, pods, &applied, noon());
        let status = inventory.relays[&edge()].status.clone().unwrap();
        assert_eq!(kstatus(Some(3), status.observed_generation, &status.conditions), relay, "{name}: {:#?}", status.conditions);
        assert_eq!(kstatus(Some(4), status.observed_generation, &status.conditions), Kstatus::InProgress, "{name}: after an edit");
        let status = inventory.domains[&Key::new("mail", "a")].status.clone().unwrap();
        assert_eq!(kstatus(Some(7), status.observed_generation, &status.conditions), domain, "{name}: {:#?}", status.conditions);
    }
}

#[test]
fn a_resource_never_claims_progress_and_a_stall_at_once_and_every_condition_has_its_generation() {
    for Scenario { name, mut inventory, pods, applied, .. } in scenarios() {
        inventory.relays.get_mut(&edge()).unwrap().metadata.generation = Some(3);
        settle(&mut inventory, pods, &applied, noon());
        let conditions = inventory.relays[&edge()].status.clone().unwrap().conditions;
        let is_there = |type_| condition(&conditions, type_).is_some();
        assert!(!(is_there("Reconciling") && is_there("Stalled")), "{name}");
        assert!(conditions.iter().all(|condition| condition.observed_generation == Some(3)), "{name}");
        for type_ in ["Accepted", "ResolvedRefs", "Programmed", "Ready", "AllLinksEncrypted", "ClientAddressPreserved"] {
            assert!(is_there(type_), "{name}: {type_}");
        }
    }
}

#[test]
fn a_second_look_changes_nothing() {
    for Scenario { name, mut inventory, pods, applied, .. } in scenarios() {
        settle(&mut inventory, pods, &applied, noon());
        let first = inventory.clone();
        settle(&mut inventory, pods, &applied, noon() + jiff::SignedDuration::from_secs(60));
        let certificates = |inventory: &Inventory| {
            let mut inventory = inventory.clone();
            // The helper issues a certificate at each look.
            inventory.relays.get_mut(&edge()).unwrap().status.as_mut().unwrap().certificates.clear();
            inventory
        };
        assert_eq!(certificates(&inventory), certificates(&first), "{name}");
    }
}
