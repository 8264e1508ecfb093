//! The schema has a bound and a description for everything, and nothing that a structural schema should not have.

mod common;

use common::walk;
use postern_crds::{Definition, definitions};
use serde_json::Value;

/// Visits every place of every kind's schema.
fn everywhere(mut visit: impl FnMut(&Definition, &str, &Value)) {
    for definition in definitions() {
        walk(definition, |path, schema| visit(definition, path, schema));
    }
}

#[test]
fn every_text_list_and_map_has_a_bound() {
    everywhere(|definition, path, schema| {
        let bounded = match schema["type"].as_str() {
            Some("string") => schema.get("maxLength").or(schema.get("enum")).is_some(),
            Some("array") => schema.get("maxItems").is_some(),
            Some("object") => schema.get("properties").is_some() || schema.get("maxProperties").is_some(),
            Some("integer" | "boolean") => true,
            _ => schema["x-kubernetes-int-or-string"] == true && schema.get("maxLength").is_some(),
        };
        assert!(bounded, "{} {path}: {schema}", definition.kind);
    });
}

#[test]
fn every_number_of_a_specification_has_two_bounds() {
    everywhere(|definition, path, schema| {
        if schema["type"] == "integer" && path.starts_with("spec") {
            assert!(schema["minimum"].is_i64() && schema["maximum"].is_i64(), "{} {path}: {schema}", definition.kind);
        }
    });
}

#[test]
fn every_field_has_a_description_that_is_a_sentence() {
    everywhere(|definition, path, schema| {
        if !path.ends_with("[]") && !path.ends_with("{}") && !matches!(path, "spec" | "status" | "") {
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{} {path}: {description:?}", definition.kind);
        }
    });
}

#[test]
fn every_default_and_every_choice_is_told() {
    everywhere(|definition, path, schema| {
        if !path.starts_with("spec.") {
            return;
        }
        let description = schema["description"].as_str().unwrap_or_default();
        let default = match &schema["default"] {
            // Nothing stands for what the description tells.
            Value::String(text) if text.is_empty() => "Default: ".to_owned(),
            Value::String(text) => format!("Default `{text}`"),
            Value::Number(number) => format!("Default {number}"),
            Value::Bool(flag) => format!("Default {flag}"),
            _ => String::new(),
        };
        assert!(description.contains(&default), "{} {path}: {default:?} is not in {description:?}", definition.kind);
        for choice in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(description.contains(&format!("`{choice}`")), "{} {path}: {choice} is not in {description:?}", definition.kind);
        }
        for bound in ["minimum", "maximum", "minItems", "maxItems", "maxProperties"] {
            if let Some(bound) = schema[bound].as_i64() {
                assert!(description.contains(&bound.to_string()), "{} {path}: {bound} is not in {description:?}", definition.kind);
            }
        }
    });
}

#[test]
fn nothing_is_left_over_from_the_derivation() {
    everywhere(|definition, path, schema| {
        let place = format!("{} {path}: {schema}", definition.kind);
        for keyword in ["nullable", "title", "x-kubernetes-preserve-unknown-fields", "oneOf", "anyOf", "allOf", "not", "$ref"] {
            assert!(schema.get(keyword).is_none(), "{keyword}: {place}");
        }
        let format = schema["format"].as_str();
        assert!(matches!(format, None | Some("int32" | "int64" | "date-time")), "{place}");
    });
    for definition in definitions() {
        assert!(!definition.resource.to_string().contains(".0,"), "a whole number is written as one");
    }
}

#[test]
fn every_list_of_objects_in_a_specification_says_what_tells_its_items_apart_or_that_it_is_one_value() {
    everywhere(|definition, path, schema| {
        if path.starts_with("spec") && schema["items"]["type"] == "object" && path != "spec.podTemplate.tolerations" {
            let list = schema["x-kubernetes-list-type"].as_str();
            assert!(matches!(list, Some("map" | "atomic")), "{} {path}: {list:?}", definition.kind);
        }
    });
}

#[test]
fn relays_can_be_scaled_and_both_kinds_have_a_status() {
    for definition in definitions() {
        let version = &definition.resource["spec"]["versions"][0];
        assert_eq!(version["subresources"]["status"], serde_json::json!({}), "{}", definition.kind);
    }
    let scale = &common::definition("SmtpRelay").resource["spec"]["versions"][0]["subresources"]["scale"];
    assert_eq!(scale["specReplicasPath"], ".spec.replicas");
    assert_eq!(scale["statusReplicasPath"], ".status.replicas");
    assert_eq!(scale["labelSelectorPath"], ".status.selector");
}
