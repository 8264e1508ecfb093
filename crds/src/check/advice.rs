//! What mends a value, in words.

use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;
use serde_json::Value;

use crate::schema::{
    FIRST_ADDRESS_RULE, NETWORK_RULE,
    form::{DNS_LABEL, DOMAIN_NAME, Form, HOST_RULE, MAILBOX, OBJECT_NAME},
};

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
        (None, [only]) => format!("write `{only}`"),
        (None, _) => format!("write one of {}", list(options)),
    }
}

/// The option that was most likely meant: the same but for case, or a slip of the pen away.
pub(super) fn nearest<'a>(text: &str, options: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    let distance = |option: &&str| strsim::damerau_levenshtein(&text, &option.to_lowercase());
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

/// A value of another type than the schema's.
pub(super) fn wrong_type(schema: &Value, value: &Value) -> Advice {
    let expected = schema["type"].as_str().unwrap_or("text or a whole number");
    let (problem, mend) = match (expected, value) {
        (_, Value::Null) => ("has no value".to_owned(), "give it one, or leave the field out".to_owned()),
        ("string", Value::Number(_) | Value::Bool(_)) => (format!("{value} is not a text"), format!("write it in quotes: \"{value}\"")),
        ("integer", Value::String(text)) if text.parse::<i64>().is_ok() => {
            (format!("\"{text}\" is a text, not a number"), format!("write {text} without quotes"))
        }
        ("boolean", Value::String(text)) if text == "true" || text == "false" => {
            (format!("\"{text}\" is a text, not true or false"), format!("write {text} without quotes"))
        }
        ("array", _) => (format!("{} is not a list", brief(value)), "write it as a list, each item behind a hyphen".to_owned()),
        ("object", Value::Array(_)) => ("is a list, not fields".to_owned(), "write its fields without hyphens".to_owned()),
        ("object", _) => (format!("{} is not a set of fields", brief(value)), fields_of(schema)),
        ("integer", _) => (format!("{} is not a whole number", brief(value)), "write a whole number".to_owned()),
        ("boolean", _) => (format!("{} is not true or false", brief(value)), "write true or false".to_owned()),
        ("string", _) => (format!("{} is not a text", brief(value)), "write a text".to_owned()),
        (other, _) => (format!("{} is not {other}", brief(value)), format!("write {other}")),
    };
    (problem, mend)
}

fn fields_of(schema: &Value) -> String {
    let names: Vec<&str> = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { "write fields below it".to_owned() } else { format!("write below it {}", list(&names)) }
}

fn brief(value: &Value) -> Cow<'static, str> {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a set of fields".into(),
        scalar => scalar.to_string().into(),
    }
}

/// A text that does not match a pattern.
pub(super) fn wrong_form(pattern: &str, text: &str) -> Advice {
    let Some(form) = Form::of_pattern(pattern) else {
        return (format!("`{text}` does not match {pattern}"), "compare it with docs/api.md".to_owned());
    };
    if pattern == DOMAIN_NAME.pattern {
        return wrong_name(text);
    }
    if text.is_empty() {
        return ("is empty".to_owned(), format!("write {}, such as {}", form.what, form.example));
    }
    let mend = corrected(form, text).map_or_else(|| format!("write it like `{}`", form.example), |right| format!("write `{right}`"));
    (format!("`{text}` is not {}", form.what), mend)
}

/// A text that breaks a rule which knows its mend only in general.
pub(super) fn broken_rule(rule: &str, text: &str) -> Option<Advice> {
    match rule {
        HOST_RULE => Some(wrong_name(text)),
        NETWORK_RULE => Some(match text.parse::<IpAddr>() {
            Ok(address) => (format!("`{text}` is an address, not a network"), format!("write `{}`", IpNet::from(address))),
            Err(_) => (format!("`{text}` is not a network in CIDR notation"), "write it like `192.0.2.0/24` or `2001:db8::/32`".to_owned()),
        }),
        FIRST_ADDRESS_RULE => {
            let network: IpNet = text.parse().ok()?;
            let single = IpNet::from(network.addr());
            Some((
                format!("`{text}` has bits behind its prefix"),
                format!("write `{}` for the network, or `{single}` for the address", network.trunc()),
            ))
        }
        _ => None,
    }
}

/// A text that is no domain name in the form that is compared.
fn wrong_name(text: &str) -> Advice {
    let example = DOMAIN_NAME.example;
    if text.trim_matches('.').is_empty() {
        return (format!("`{text}` is not a domain name"), format!("write the whole name, such as `{example}`"));
    }
    if text.parse::<IpAddr>().is_ok() {
        return (format!("`{text}` is an address, not a name"), format!("write a name, such as `{example}`"));
    }
    if let Some(name) = text.strip_prefix("*.").filter(|name| is_name(name)) {
        return (format!("`{text}` is a wildcard"), format!("write `{name}`; where names below it are meant too, set includeSubdomains"));
    }
    if let Some((host, port)) = text.rsplit_once(':').filter(|(host, port)| is_name(host) && port.parse::<u16>().is_ok()) {
        return (format!("`{text}` holds a port"), format!("write `{host}`, and {port} in the field for the port"));
    }
    if let Some(name) = corrected(&DOMAIN_NAME, text) {
        let problem =
            if text.is_ascii() { "is not in lower case without a dot at the end" } else { "is not in the form that DNS uses (an A-label)" };
        return (format!("`{text}` {problem}"), format!("write `{name}`"));
    }
    if !text.contains('.') {
        return (
            format!("`{text}` is a single label: a top-level domain, or a host without its domain"),
            format!("write the whole name, such as `{example}`"),
        );
    }
    (
        format!("`{text}` is not a domain name"),
        format!("write labels of 1 to 63 letters, digits and hyphens with dots between them, such as `{example}`"),
    )
}

/// The text in the form that was most likely meant.
fn corrected(form: &Form, text: &str) -> Option<String> {
    let text = text.trim();
    let right = match form.pattern {
        pattern if pattern == DOMAIN_NAME.pattern => a_label(text)?,
        pattern if pattern == DNS_LABEL.pattern || pattern == OBJECT_NAME.pattern => text.to_lowercase().replace(['_', ' '], "-"),
        pattern if pattern == MAILBOX.pattern => {
            let (local, domain) = text.trim_matches(['<', '>']).rsplit_once('@')?;
            format!("{}@{}", local.to_lowercase(), a_label(domain)?)
        }
        _ => return None,
    };
    fits(form, &right).then_some(right)
}

fn a_label(text: &str) -> Option<String> {
    idna::domain_to_ascii(text.trim().trim_end_matches('.')).ok()
}

fn is_name(text: &str) -> bool {
    fits(&DOMAIN_NAME, text)
}

fn fits(form: &Form, text: &str) -> bool {
    jsonschema::is_valid(form.schema().as_value(), &Value::from(text))
}
