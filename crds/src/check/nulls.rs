//! Fields without a value.

use serde_json::Value;

/// Takes out fields that are null and have a default, as the API server does, so that the default takes their place.
pub(super) fn drop_defaulted(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter_map(|(name, value)| {
                let schema = schema["properties"].get(name).unwrap_or(&Value::Null);
                let dropped = value.is_null() && schema.get("default").is_some();
                (!dropped).then(|| (name.clone(), drop_defaulted(schema, value)))
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| drop_defaulted(&schema["items"], item)).collect(),
        scalar => scalar.clone(),
    }
}
