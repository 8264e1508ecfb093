//! Who gets a domain does not depend on the order in which claims are looked at, and nobody takes what another holds.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use postern_crds::AcceptedDomain;
use postern_operator::{
    dereference::{Refusal, lost},
    inventory::Key,
};
use support::{inventory, tenants::tenant};

/// Claims of a few names by a few namespaces, some of which hold all below them; none, and many, are equally old.
fn claims(seed: u64) -> Vec<AcceptedDomain> {
    let template = inventory(&[&tenant("blue", "a", "example.com", "")]).domains.pop_first().unwrap().1;
    let mut random = Random(seed);
    let claim = |index: usize, random: &mut Random| {
        let mut claim = template.clone();
        claim.metadata.name = Some(format!("claim-{}", random.below(1000) * 100 + index));
        claim.metadata.namespace = Some(["blue", "green", "red"][random.below(3)].to_owned());
        claim.metadata.creation_timestamp = Some(random.below(5))
            .filter(|second| *second > 0)
            .map(|second| Time(Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()));
        ["example.com", "a.example.com", "b.a.example.com", "c.b.a.example.com", "example.org"][random.below(5)]
            .clone_into(&mut claim.spec.domain);
        claim.spec.include_subdomains = random.below(2) == 0;
        claim
    };
    (0..8).map(|index| claim(index, &mut random)).collect()
}

/// Numbers that look like chance and are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn shuffled<'a, T>(&mut self, items: &'a [T]) -> Vec<&'a T> {
        let mut items: Vec<_> = items.iter().collect();
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
        items
    }
}

#[test]
fn the_order_in_which_claims_come_is_all_the_same() {
    let mut conflicts = 0;
    for seed in 0..300 {
        let claims = claims(seed);
        let expected = lost(&claims);
        conflicts += expected.len();
        for again in 0..20 {
            assert_eq!(lost(Random(again).shuffled(&claims)), expected, "seed {seed}");
        }
    }
    assert!(conflicts > 500, "{conflicts} conflicts are too few to show anything");
}

#[test]
fn each_name_has_one_holder_and_no_holder_reaches_into_what_an_older_one_holds() {
    for seed in 0..300 {
        let claims = claims(seed);
        let lost = lost(&claims);
        let by_key: BTreeMap<_, _> = claims.iter().map(|claim| (Key::of(&claim.metadata), claim)).collect();
        let held: Vec<_> = by_key.iter().filter(|(key, _)| !lost.contains_key(*key)).collect();
        let names: BTreeSet<_> = held.iter().map(|(_, claim)| &claim.spec.domain).collect();
        assert_eq!(names.len(), held.len(), "seed {seed}: one holder of each name");
        for (key, claim) in &held {
            for (above, holder) in &held {
                let is_below = claim.spec.domain.ends_with(&format!(".{}", holder.spec.domain));
                let is_covered = is_below && holder.spec.include_subdomains && above.namespace != key.namespace;
                assert!(!is_covered || age(claim) < age(holder), "seed {seed}: {key} lies below {above}");
            }
        }
        for (key, refusal) in &lost {
            let Refusal::Conflict { winner, .. } = refusal else { panic!("{refusal:?}") };
            assert!(!lost.contains_key(winner), "seed {seed}: the winner {winner} lost itself");
            assert!(age(by_key[winner]) < age(by_key[key]), "seed {seed}: {winner} is younger than {key}");
        }
    }
}

/// The oldest first; those of unknown age are the youngest.
fn age(claim: &AcceptedDomain) -> (bool, Option<Timestamp>, Key) {
    let created = claim.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created.is_none(), created, Key::of(&claim.metadata))
}

#[test]
fn a_name_below_one_that_another_namespace_holds_whole_is_lost_and_one_of_the_same_namespace_is_not() {
    let mut inventory = inventory(&[
        &tenant("blue", "above", "example.com", "  includeSubdomains: true\n"),
        &tenant("blue", "own", "mail.example.com", ""),
        &tenant("green", "foreign", "deep.lists.example.com", ""),
    ]);
    for (second, namespace, name) in [(1, "blue", "above"), (2, "blue", "own"), (3, "green", "foreign")] {
        support::tenants::created(&mut inventory, namespace, name, second);
    }
    let lost = lost(inventory.domains.values());
    let refusal = &lost[&Key::new("green", "foreign")];
    let expected = "spec.domain: AcceptedDomain blue/above claimed every name below example.com before; remove one of the two";
    assert_eq!((lost.len(), refusal.to_string().as_str()), (1, expected));
}
