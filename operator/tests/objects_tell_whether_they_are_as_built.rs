//! What applies objects needs to know nothing of their kinds: each comes whole, in order, with a mark that changes when it does.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod support;

use std::collections::BTreeSet;

use postern_config::folder::digest;
use postern_operator::{
    build::{DESIRED, Object, Settings, build},
    issue::Issued,
    kind::Kind,
    material::Sealed,
};
use serde_json::Value;
use support::{domain, find_with, identity, inventory, relay};

fn objects(domains: &[String], identity: &Issued) -> Vec<Object> {
    let relay = format!("{}  services: [{{exposure: Public, annotations: {{example.com/pool: mail}}}}]\n", relay("edge", 25));
    let relay = relay.replace("namespace: mail}", "namespace: mail, uid: 6f9a3c2e-1d4b-4f7a-9c55-0b6f0f2a7d11}");
    let manifests: Vec<_> = [relay.as_str()].into_iter().chain(domains.iter().map(String::as_str)).collect();
    let inventory = inventory(&manifests);
    let findings = find_with(&inventory, identity.clone());
    let objects = build(findings.relay.as_ref().unwrap(), &Sealed::Open(identity.clone()), &Settings::new("postern-system", "relay:test"));
    objects.unwrap().in_order().unwrap()
}

#[test]
fn every_object_is_whole_and_says_where_it_goes() {
    let objects = objects(&[domain("a", "example.com", "")], &identity());
    let mut places = BTreeSet::new();
    for object in &objects {
        let resource = object.kind.api_resource();
        assert_eq!(object.value["apiVersion"], resource.api_version);
        assert_eq!(object.value["kind"], resource.kind);
        let metadata = &object.value["metadata"];
        assert_eq!((&metadata["namespace"], &metadata["name"]), (&"mail".into(), &object.key.name.as_str().into()));
        assert_eq!(metadata["labels"]["postern.dev/relay"], "edge");
        let owners = metadata["ownerReferences"].as_array().unwrap();
        assert_eq!((owners.len(), &owners[0]["controller"], &owners[0]["kind"]), (1, &true.into(), &"SmtpRelay".into()));
        assert!(places.insert((object.kind, object.key.clone())), "{} {} stands twice", object.kind, object.key);
    }
    let kinds: BTreeSet<_> = objects.iter().map(|object| object.kind).collect();
    assert_eq!(kinds.len(), Kind::ALL.len() - 2, "all but what cert-manager makes, and one of the two workloads");
}

#[test]
fn the_mark_is_the_hash_of_the_object_without_it() {
    for object in objects(&[domain("a", "example.com", "")], &identity()) {
        let mut bare = object.value.clone();
        let annotations = bare["metadata"]["annotations"].as_object_mut().unwrap();
        assert_eq!(annotations.remove(DESIRED), Some(Value::String(object.desired.clone())));
        if annotations.is_empty() {
            bare["metadata"].as_object_mut().unwrap().remove("annotations");
        }
        bare.sort_all_objects();
        assert_eq!(digest(&serde_json::to_vec(&bare).unwrap()), object.desired);
    }
}

#[test]
fn the_mark_changes_with_the_object_and_with_nothing_else() {
    let identity = identity();
    let before = objects(&[domain("a", "example.com", "")], &identity);
    assert_eq!(before, objects(&[domain("a", "example.com", "")], &identity));
    let after = objects(&[domain("a", "example.com", "  includeSubdomains: true\n")], &identity);
    let changed: Vec<_> = after
        .iter()
        .filter(|object| !before.iter().any(|old| old.desired == object.desired))
        .map(|object| object.key.name.as_str())
        .collect();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed[0].starts_with("edge-domains-") && changed[1] == "edge-config", "{changed:?}");
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let shown = format!("{:?}", objects(&[], &identity()));
    assert!(shown.contains("Secret mail/edge-tls") && !shown.contains("data"), "{shown}");
}

#[test]
fn what_others_refer_to_comes_first_and_the_workload_last() {
    let objects = objects(&[domain("a", "example.com", "")], &identity());
    let kinds: Vec<_> = objects.iter().map(|object| object.kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&Kind::Deployment));
    let config_maps: Vec<_> = objects.iter().filter(|object| object.kind == Kind::ConfigMap).collect();
    assert!(config_maps.last().unwrap().value["data"]["relay.json"].is_string(), "the root after all that it lists");
}

/// The API leaves these out of what it keeps, and whoever compares would see a difference for ever.
#[test]
fn no_object_holds_what_the_api_would_not_keep() {
    fn check(path: &str, value: &Value) {
        match value {
            Value::Null => panic!("{path}: null"),
            Value::Array(items) => {
                assert!(!items.is_empty(), "{path}: an empty list");
                items.iter().enumerate().for_each(|(index, item)| check(&format!("{path}[{index}]"), item));
            }
            Value::Object(fields) => {
                assert!(!fields.is_empty() || path.ends_with("Selector"), "{path}: an empty object");
                fields.iter().for_each(|(name, field)| check(&format!("{path}.{name}"), field));
            }
            _ => {}
        }
    }
    for object in objects(&[domain("a", "example.com", "")], &identity()) {
        check(&format!("{}", object.kind), &object.value);
    }
}
