//! What is wrong with a value and what mends it, in words.

mod text;
mod type_;

use serde_json::Value;

pub(super) use text::{broken_rule, wrong_form};
pub(super) use type_::wrong_type;

/// A problem and its mend.
pub(super) type Advice = (String, String);

/// That `text` is not among what is expected.
pub(super) fn not_known(text: &str, what: &str) -> String {
    if text.is_empty() { "is missing".to_owned() } else { format!("`{text}` is not {what}") }
}

/// Which of `options` to write instead of `text`.
pub(super) fn one_of(text: &str, options: &[&str]) -> String {
    match (nearest(text, options), options) {
        (Some(near), _) => format!("write `{near}`"),
        (None, _) => format!("write {}", list(options)),
    }
}

/// The option that was most likely meant: the same but for case, or a slip of the pen away. A slip is rarely in the first letter.
pub(super) fn nearest<'a>(text: &str, options: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    let distance = |option: &str| {
        let option = option.to_lowercase();
        let slips = strsim::damerau_levenshtein(&text, &option);
        slips + usize::from(text.chars().next() != option.chars().next())
    };
    let near = options.iter().min_by_key(|option| distance(option))?;
    (distance(near) <= (text.chars().count() / 3).min(2)).then_some(*near)
}

/// `a, b or c`, each as code.
pub(super) fn list(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// `1 to 16`, `up to 16` or `at least 1`.
pub(super) fn bounds(low: &Value, high: &Value) -> String {
    match (low, high) {
        (Value::Null, high) => format!("up to {high}"),
        (low, Value::Null) => format!("at least {low}"),
        (low, high) => format!("{low} to {high}"),
    }
}
