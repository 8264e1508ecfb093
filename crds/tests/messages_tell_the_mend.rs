//! A manifest that is wrong is refused with the field, what is wrong with it, and what mends it: the vectors are the wording.

mod common;

use common::{minimal, patched, vector::Wrong, vectors};
use postern_crds::{check, check_change};
use serde_json::{Value, json};

#[test]
fn each_wrong_manifest_gets_its_words() {
    for Wrong { why, kind, patch, says } in vectors::<Vec<Wrong>>("wrong_manifests.yaml") {
        let errors = check(&patched(&kind, &patch)).expect_err(&why);
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(said, says, "{why}");
    }
}

#[test]
fn what_is_no_manifest_at_all_is_refused() {
    for value in [Value::Null, json!("text"), json!([]), json!({}), json!({ "spec": 1 })] {
        let errors = check(&value).expect_err("no manifest");
        assert_eq!(errors[0].to_string(), "apiVersion: is missing; write `postern.dev/v1alpha1`");
    }
}

#[test]
fn a_domain_can_not_be_changed() {
    let changed = patched("AcceptedDomain", &json!({ "spec": { "domain": "example.org" } }));
    let errors = check_change(&minimal("AcceptedDomain"), &changed).expect_err("the domain changed");
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["spec.domain: a domain can't be changed; make an AcceptedDomain for the new one, and delete this"]);
    assert!(check_change(&minimal("AcceptedDomain"), &minimal("AcceptedDomain")).is_ok());
}
