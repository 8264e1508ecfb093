//! Every CEL rule accepts what is right and refuses what is wrong, and no rule is without such a pair.

mod common;

use std::collections::BTreeSet;

use kube::core::cel::{ErrorKind, ValidationError, Validator, compile_schema};
use postern_crds::definitions;
use serde_json::Value;

use common::{definition, patched, rules, vector::Pair, vectors};

fn broken(pair: &Pair, patch: &Value) -> Vec<ValidationError> {
    let schema = definition(&pair.kind).schema();
    let old = pair.old.as_ref().map(|old| patched(&pair.kind, old));
    match Validator::new().validate(schema, &patched(&pair.kind, patch), old.as_ref()) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec(),
    }
}

#[test]
fn each_rule_accepts_what_is_right() {
    for pair in vectors::<Vec<Pair>>("rules.yaml") {
        assert_eq!(broken(&pair, &pair.accepts), [], "{} {}: {}", pair.kind, pair.at, pair.says);
    }
}

#[test]
fn each_rule_and_no_other_refuses_what_is_wrong() {
    for pair in vectors::<Vec<Pair>>("rules.yaml") {
        let broken = broken(&pair, &pair.refuses);
        let [error] = &broken[..] else { panic!("{} {}: {}: broken are {broken:?}", pair.kind, pair.at, pair.says) };
        assert_eq!(error.kind, ErrorKind::ValidationFailure, "{error}");
        assert!(error.message.starts_with(&pair.says), "{error}");
    }
}

#[test]
fn no_rule_is_without_a_pair() {
    let pairs: Vec<Pair> = vectors("rules.yaml");
    for definition in definitions() {
        for (at, rule) in rules(definition) {
            let message = rule["message"].as_str().unwrap_or_default();
            let covered = pairs.iter().any(|pair| pair.kind == definition.kind && pair.at == at && message.starts_with(&pair.says));
            assert!(covered, "{} {at}: no vector for: {message}", definition.kind);
        }
    }
}

#[test]
fn each_message_tells_problem_and_mend() {
    for definition in definitions() {
        for (at, rule) in rules(definition) {
            let message = rule["message"].as_str().unwrap_or_default();
            assert_eq!(message.matches("; ").count(), 1, "{} {at}: {message}", definition.kind);
            assert!(!message.ends_with('.') && !message.contains('\n'), "{} {at}: {message}", definition.kind);
        }
    }
}

#[test]
fn each_rule_compiles_and_each_message_is_about_one_thing() {
    for definition in definitions() {
        assert!(!compile_schema(definition.schema()).has_errors(), "{}", definition.kind);
        let all = rules(definition);
        let distinct: BTreeSet<String> = all.iter().map(|(at, rule)| format!("{at} {}", rule["message"])).collect();
        assert_eq!(distinct.len(), all.len(), "{}", definition.kind);
    }
}
