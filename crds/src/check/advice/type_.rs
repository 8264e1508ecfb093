//! Values of another type than the schema's.

use std::borrow::Cow;

use serde_json::Value;

use super::{Advice, bounds, list};
use crate::schema::form::QUANTITY;

/// A value of another type than the schema's.
pub(in crate::check) fn wrong_type(schema: &Value, value: &Value) -> Advice {
    let expected = schema["type"].as_str().unwrap_or_default();
    match (expected, value) {
        (_, Value::Null) => ("has no value".to_owned(), "give it one, or remove it".to_owned()),
        ("string", Value::Number(_) | Value::Bool(_)) => (format!("{value} is not a text"), format!("write it in quotes: \"{value}\"")),
        ("string", _) => (format!("{} is not a text", brief(value)), "write a text".to_owned()),
        ("integer", Value::String(text)) if text.parse::<i64>().is_ok() => unquoted(text, "a number"),
        ("integer", _) => {
            let bounds = bounds(&schema["minimum"], &schema["maximum"]);
            (format!("{} is not a whole number", brief(value)), format!("write one, {bounds}"))
        }
        ("boolean", Value::String(text)) if text == "true" || text == "false" => unquoted(text, "true or false"),
        ("boolean", _) => (format!("{} is not true or false", brief(value)), "write true or false".to_owned()),
        ("array", _) => (format!("{} is not a list", brief(value)), listed(&schema["items"], value)),
        ("object", Value::Array(_)) => ("is a list, not fields".to_owned(), "write its fields without hyphens".to_owned()),
        ("object", _) => (format!("{} is not a set of fields", brief(value)), fielded(schema, value)),
        _ => (format!("{} is not {}", brief(value), QUANTITY.what), format!("write it like `{}`", QUANTITY.example)),
    }
}

fn unquoted(text: &str, what: &str) -> Advice {
    (format!("\"{text}\" is a text, not {what}"), format!("write {text} without quotes"))
}

/// How to write a value that should be a list.
fn listed(items: &Value, value: &Value) -> String {
    let item = if items["type"] == "string" { value.as_str().map(str::to_owned) } else { as_only_field(items, value) };
    item.map_or_else(|| "write it as a list, each item behind a hyphen".to_owned(), |item| format!("write `[{item}]`"))
}

/// How to write a value that should be an object.
fn fielded(schema: &Value, value: &Value) -> String {
    let names = || schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    match as_only_field(schema, value) {
        Some(field) => format!("write `{field}`"),
        None if names().is_empty() => "write fields below it".to_owned(),
        None => format!("write below it {}", list(&names())),
    }
}

/// The text as the one field that the object must have.
fn as_only_field(schema: &Value, value: &Value) -> Option<String> {
    match schema["required"].as_array()?.as_slice() {
        [Value::String(name)] => Some(format!("{{{name}: {}}}", value.as_str()?)),
        _ => None,
    }
}

fn brief(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a set of fields".into(),
        scalar => scalar.to_string().into(),
    }
}
