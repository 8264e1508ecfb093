//! Types, bounds, enums and patterns.

use std::collections::BTreeMap;

use jsonschema::{ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use super::{FieldError, advice, kind::Kind, path};

/// Everything about the manifest that does not have the shape of the schema; one error a field.
pub(super) fn errors(kind: &Kind, manifest: &Value) -> Vec<FieldError> {
    let mut worst = BTreeMap::<String, (u8, FieldError)>::new();
    for error in kind.shape().iter_errors(manifest) {
        let rank = rank(error.kind());
        let explained = explain(kind.schema(), &error);
        match worst.get(&explained.field) {
            Some((known, _)) if *known <= rank => {}
            _ => {
                worst.insert(explained.field.clone(), (rank, explained));
            }
        }
    }
    worst.into_values().map(|(_, error)| error).collect()
}

/// What says most about a field comes first: a text that is too short rarely has the right form either.
fn rank(kind: &ValidationErrorKind) -> u8 {
    match kind {
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::Enum { .. } => 1,
        ValidationErrorKind::MinLength { .. } | ValidationErrorKind::MaxLength { .. } => 2,
        _ => 0,
    }
}

fn explain(root: &Value, error: &ValidationError<'_>) -> FieldError {
    let field = path::of(error.instance_path());
    let schema = path::schema(root, error.instance_path()).unwrap_or(&Value::Null);
    let value = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { property } => missing(&field, schema, property.as_str().unwrap_or_default()),
        ValidationErrorKind::Type { .. } => {
            let (problem, mend) = advice::wrong_type(schema, value);
            FieldError::new(field, problem, mend)
        }
        ValidationErrorKind::Enum { options } => wrong_choice(field, options, value),
        ValidationErrorKind::Pattern { pattern } => {
            let (problem, mend) = advice::wrong_form(pattern, value.as_str().unwrap_or_default());
            FieldError::new(field, problem, mend)
        }
        ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
            let bounds = advice::bounds(&schema["minimum"], &schema["maximum"]);
            FieldError::new(field, format!("{value} is out of bounds"), format!("take {bounds}"))
        }
        ValidationErrorKind::MinItems { .. } | ValidationErrorKind::MaxItems { .. } => {
            let count = value.as_array().map_or(0, Vec::len);
            let bounds = advice::bounds(&schema["minItems"], &schema["maxItems"]);
            FieldError::new(field, format!("has {count} items"), format!("give it {bounds}"))
        }
        ValidationErrorKind::MinLength { .. } | ValidationErrorKind::MaxLength { .. } => {
            let count = value.as_str().map_or(0, |text| text.chars().count());
            let bounds = advice::bounds(&schema["minLength"], &schema["maxLength"]);
            FieldError::new(field, format!("has {count} characters"), format!("make it {bounds}"))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            FieldError::new(field, format!("has more than {limit} entries"), "remove some".to_owned())
        }
        // The schema has no other keyword; should it get one, the manifest is still refused.
        _ => FieldError::new(field, error.to_string(), "compare it with docs/api.md"),
    }
}

fn missing(base: &str, schema: &Value, name: &str) -> FieldError {
    let schema = &schema["properties"][name];
    let what = match schema["enum"].as_array() {
        Some(options) => advice::list(&texts(options)),
        None => first_clause(schema["description"].as_str().unwrap_or_default()),
    };
    FieldError::new(path::field(base, name), "is missing", format!("add it: {what}"))
}

/// The first sentence of a description, as it stands behind a colon.
fn first_clause(description: &str) -> String {
    let paragraph = description.split("\n\n").next().unwrap_or_default();
    let sentence = paragraph.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn texts(values: &[Value]) -> Vec<&str> {
    values.iter().filter_map(Value::as_str).collect()
}

fn wrong_choice(field: String, options: &Value, value: &Value) -> FieldError {
    let options = options.as_array().map(|options| texts(options)).unwrap_or_default();
    let text = value.as_str().unwrap_or_default();
    FieldError::new(field, advice::not_known(text, "known here"), advice::one_of(text, &options))
}
