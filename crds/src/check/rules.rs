//! CEL rules.

use kube::core::cel::{ErrorKind, ValidationError, validate_compiled};
use serde_json::Value;

use super::{FieldError, advice, kind::Kind};

/// Every CEL rule that the manifest breaks. A rule that can't be judged because a field is wrong already (`known`) stays quiet; one that
/// can't be judged for another reason is an error.
pub(super) fn errors(kind: &Kind, manifest: &Value, old: Option<&Value>, known: &[FieldError]) -> Vec<FieldError> {
    let Err(broken) = validate_compiled(kind.rules(), manifest, old) else { return Vec::new() };
    broken
        .into_iter()
        .filter(|error| known.is_empty() || error.kind == ErrorKind::ValidationFailure)
        .map(|error| explain(manifest, &error))
        .filter(|error| !known.iter().any(|known| known.field == error.field))
        .collect()
}

fn explain(manifest: &Value, error: &ValidationError) -> FieldError {
    let field = field_of(error);
    let text = manifest.pointer(&pointer(&field)).and_then(Value::as_str);
    let (problem, mend) = text.and_then(|text| advice::broken_rule(&error.rule, text)).unwrap_or_else(|| {
        let (problem, mend) = error.message.split_once("; ").unwrap_or((&error.message, "compare it with docs/api.md"));
        (problem.to_owned(), mend.to_owned())
    });
    FieldError::new(field, problem, mend)
}

/// Rules of the whole object have no path; the name is all that they can see beyond what has rules of its own.
fn field_of(error: &ValidationError) -> String {
    if error.field_path.is_empty() { "metadata.name".to_owned() } else { error.field_path.clone() }
}

fn pointer(field: &str) -> String {
    format!("/{}", field.replace('[', "/").replace(']', "").replace('.', "/"))
}
