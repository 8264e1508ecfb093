//! Whatever stands at a place of a manifest, it is judged: taken by schema and types alike, or refused in words of ours.

mod common;

use common::vectors;
use postern_crds::check;
use serde_json::{Value, json};

/// What nobody expects at most places.
fn junk() -> [Value; 13] {
    [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1.5),
        json!(""),
        json!("Ünïcode \u{0}\r\n"),
        json!("x".repeat(5000)),
        json!([]),
        json!([null, 1, "a", [], {}]),
        json!({}),
        json!({ "unknown": { "a": [1] } }),
    ]
}

/// JSON pointers of all places of a value.
fn places(base: &str, value: &Value, found: &mut Vec<String>) {
    found.push(base.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| places(&format!("{base}/{}", name.replace('/', "~1")), value, found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| places(&format!("{base}/{index}"), item, found)),
        _ => {}
    }
}

#[test]
fn junk_at_any_place_is_taken_or_refused_in_words() {
    let (mut taken, mut refused) = (0, 0);
    for file in ["full_relay.yaml", "full_domain.yaml"] {
        let manifest: Value = vectors(file);
        let mut found = Vec::new();
        places("", &manifest, &mut found);
        for place in found.iter().filter(|place| !place.starts_with("/status")) {
            for junk in junk() {
                let mut mutated = manifest.clone();
                *mutated.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = junk;
                match check(&mutated) {
                    Ok(_) => taken += 1,
                    Err(errors) => {
                        refused += 1;
                        for error in errors {
                            assert!(!error.field.is_empty() && !error.problem.is_empty(), "{place}: {error:?}");
                            assert!(!error.mend.contains("docs/api.md"), "{place}: nothing was foreseen for {error}");
                        }
                    }
                }
            }
        }
    }
    assert!(taken > 100 && refused > 1000, "{taken} taken, {refused} refused");
}
