//! Fields without a value.

use serde_json::Value;

/// Takes out fields that are null, as the API server does: no field of ours can be null, so they say what leaving them out says.
pub(super) fn drop(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter_map(|(name, value)| match schema["properties"].get(name) {
                Some(_) if value.is_null() => None,
                Some(schema) => Some((name.clone(), drop(schema, value))),
                None => Some((name.clone(), value.clone())),
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| drop(&schema["items"], item)).collect(),
        scalar => scalar.clone(),
    }
}
