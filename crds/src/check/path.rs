//! Paths of fields, as Kubernetes writes them: `spec.listeners[0].port`, `spec.podTemplate.labels[example.com/team]`.

use jsonschema::paths::{Location, LocationSegment};
use serde_json::Value;

/// The path of a field of `base`.
pub(super) fn field(base: &str, name: &str) -> String {
    if base.is_empty() {
        name.to_owned()
    } else if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        format!("{base}.{name}")
    } else {
        format!("{base}[{name}]")
    }
}

/// The path of an item of the list `base`.
pub(super) fn item(base: &str, index: usize) -> String {
    format!("{base}[{index}]")
}

/// The path of a place.
pub(super) fn of(location: &Location) -> String {
    location.iter().fold(String::new(), |base, segment| match segment {
        LocationSegment::Property(name) => field(&base, &name),
        LocationSegment::Index(index) => item(&base, index),
    })
}

/// The schema of a place.
pub(super) fn schema<'a>(root: &'a Value, location: &Location) -> Option<&'a Value> {
    location.iter().try_fold(root, |schema, segment| match segment {
        LocationSegment::Property(name) => {
            schema.get("properties").and_then(|fields| fields.get(&*name)).or_else(|| schema.get("additionalProperties"))
        }
        LocationSegment::Index(_) => schema.get("items"),
    })
}
