//! Lists in which no item may stand twice.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{FieldError, path};

/// Every item that stands in its list again: by its keys where the list is a map, whole where it is a set.
pub(super) fn errors(schema: &Value, value: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    visit("", schema, value, &mut errors);
    errors
}

fn visit(base: &str, schema: &Value, value: &Value, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                visit(&path::field(base, name), &schema["properties"][name.as_str()], value, errors);
            }
        }
        Value::Array(items) => {
            repeated(base, schema, items, errors);
            for (index, item) in items.iter().enumerate() {
                visit(&path::item(base, index), &schema["items"], item, errors);
            }
        }
        _ => {}
    }
}

fn repeated(base: &str, schema: &Value, items: &[Value], errors: &mut Vec<FieldError>) {
    let Some(identity) = Identity::of(schema) else { return };
    let mut first = BTreeMap::<String, usize>::new();
    for (index, item) in items.iter().enumerate() {
        let Some(named) = identity.of_item(item) else { continue };
        match first.get(&named) {
            Some(earlier) => errors.push(FieldError::new(
                path::item(base, index),
                format!("has the same {named} as {}", path::item(base, *earlier)),
                identity.mend(),
            )),
            None => {
                first.insert(named, index);
            }
        }
    }
}

/// By what the items of a list are told apart.
enum Identity<'a> {
    Keys(Vec<&'a str>),
    Whole,
}

impl<'a> Identity<'a> {
    fn of(schema: &'a Value) -> Option<Self> {
        match schema["x-kubernetes-list-type"].as_str()? {
            "map" => Some(Self::Keys(schema["x-kubernetes-list-map-keys"].as_array()?.iter().filter_map(Value::as_str).collect())),
            "set" => Some(Self::Whole),
            _ => None,
        }
    }

    /// The item's identity in words; none when it lacks a key, which is another error.
    fn of_item(&self, item: &Value) -> Option<String> {
        match self {
            Self::Keys(keys) => {
                let parts: Option<Vec<String>> = keys.iter().map(|key| Some(format!("{key} `{}`", plain(item.get(key)?)))).collect();
                Some(parts?.join(" and "))
            }
            Self::Whole => Some(format!("value `{}`", plain(item))),
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            Self::Keys(_) => "change or remove one of them",
            Self::Whole => "remove one of them",
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
