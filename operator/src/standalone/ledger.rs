//! What an API server would keep of the resources in a folder: since when each is there, and which generation it is.
//!
//! It decides who claimed a domain first, so it outlives a restart.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::replace;
use crate::inventory::{Inventory, Key};

/// What is kept of every resource, by `KIND NAMESPACE/NAME`.
#[derive(Debug)]
pub(super) struct Ledger {
    file: PathBuf,
    records: BTreeMap<String, Record>,
}

/// What is kept of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    since: Timestamp,
    generation: i64,
    spec: Value,
}

impl Ledger {
    /// Goes on from what `file` holds. Without it, or when it is damaged, every resource is new.
    pub(super) fn open(file: &Path) -> Self {
        let records = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { file: file.to_owned(), records: records.unwrap_or_default() }
    }

    /// Writes age and generation into every resource, and keeps them. Those that are gone are forgotten.
    pub(super) fn stamp(&mut self, inventory: &mut Inventory, now: Timestamp) -> io::Result<()> {
        let mut records = BTreeMap::new();
        for (key, relay) in &mut inventory.relays {
            let spec = serde_json::to_value(&relay.spec)?;
            self.record(&mut records, "SmtpRelay", key, spec, now).stamp(&mut relay.metadata);
        }
        for (key, domain) in &mut inventory.domains {
            let spec = serde_json::to_value(&domain.spec)?;
            self.record(&mut records, "AcceptedDomain", key, spec, now).stamp(&mut domain.metadata);
        }
        self.records = records;
        replace(&self.file, &serde_json::to_vec(&self.records)?)
    }

    fn record<'a>(&mut self, records: &'a mut BTreeMap<String, Record>, kind: &str, key: &Key, spec: Value, now: Timestamp) -> &'a Record {
        let object = format!("{kind} {key}");
        let mut record = self.records.remove(&object).unwrap_or_else(|| Record { since: now, generation: 1, spec: spec.clone() });
        if record.spec != spec {
            record = Record { generation: record.generation + 1, spec, ..record };
        }
        records.entry(object).or_insert(record)
    }
}

impl Record {
    fn stamp(&self, metadata: &mut ObjectMeta) {
        metadata.creation_timestamp = Some(Time(self.since));
        metadata.generation = Some(self.generation);
    }
}

#[cfg(test)]
mod tests {
    use postern_crds::{AcceptedDomain, Resource, check};
    use serde_json::json;

    use super::*;

    fn domain(next_hop: &str) -> AcceptedDomain {
        let spec = json!({
            "relayRefs": [{ "name": "edge" }], "domain": "example.com", "type": "Authoritative", "nextHops": [{ "host": next_hop }],
        });
        let metadata = json!({ "name": "a", "namespace": "mail" });
        match check(&json!({ "apiVersion": "postern.dev/v1alpha1", "kind": "AcceptedDomain", "metadata": metadata, "spec": spec })).unwrap()
        {
            Resource::AcceptedDomain(domain) => *domain,
            Resource::SmtpRelay(_) => panic!("not a domain"),
        }
    }

    /// Age and generation of a domain that is there at `second`.
    fn stamped(ledger: &mut Ledger, domain: AcceptedDomain, second: i64) -> (i64, i64) {
        let key = Key::of(&domain.metadata);
        let mut inventory = Inventory { domains: [(key.clone(), domain)].into(), ..Inventory::default() };
        ledger.stamp(&mut inventory, Timestamp::from_second(second).unwrap()).unwrap();
        let metadata = &inventory.domains[&key].metadata;
        (metadata.creation_timestamp.as_ref().unwrap().0.as_second(), metadata.generation.unwrap())
    }

    #[test]
    fn a_change_of_the_spec_makes_a_generation_and_no_younger_resource() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.json"));
        assert_eq!(stamped(&mut ledger, domain("a.example.com"), 1), (1, 1));
        assert_eq!(stamped(&mut ledger, domain("a.example.com"), 2), (1, 1));
        assert_eq!(stamped(&mut ledger, domain("b.example.com"), 3), (1, 2));
    }

    #[test]
    fn a_restart_makes_no_old_claim_young() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.json");
        stamped(&mut Ledger::open(&file), domain("a.example.com"), 1);
        assert_eq!(stamped(&mut Ledger::open(&file), domain("b.example.com"), 9), (1, 2));
    }

    #[test]
    fn what_was_removed_is_new_when_it_returns() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.json"));
        stamped(&mut ledger, domain("a.example.com"), 1);
        ledger.stamp(&mut Inventory::default(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(stamped(&mut ledger, domain("b.example.com"), 5), (5, 1));
    }

    #[test]
    fn a_damaged_file_makes_everything_new_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.json");
        fs::write(&file, "{").unwrap();
        assert_eq!(stamped(&mut Ledger::open(&file), domain("a.example.com"), 4), (4, 1));
        assert_eq!(stamped(&mut Ledger::open(&file), domain("a.example.com"), 6), (4, 1));
    }
}
