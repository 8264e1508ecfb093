//! Texts that have not the form that they should have.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::Value;

use super::Advice;
use crate::schema::{
    ADDRESS_RULE, FIRST_ADDRESS_RULE, NETWORK_RULE, SHORTEST_FORM_RULE,
    form::{DNS_LABEL, DOMAIN_NAME, Form, HOST_RULE, MAILBOX, OBJECT_NAME},
};

/// A text that does not match a pattern.
pub(in crate::check) fn wrong_form(pattern: &str, text: &str) -> Advice {
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
pub(in crate::check) fn broken_rule(rule: &str, text: &str) -> Option<Advice> {
    match rule {
        HOST_RULE => Some(wrong_name(text)),
        ADDRESS_RULE => {
            let socket: SocketAddr = text.parse().ok()?;
            Some((format!("`{text}` holds a port"), format!("write `{}`, and {} in the field for the port", socket.ip(), socket.port())))
        }
        SHORTEST_FORM_RULE => {
            let address: IpAddr = text.parse().ok()?;
            Some((format!("`{text}` is not the shortest form of the address"), format!("write `{address}`")))
        }
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
        return (
            format!("`{text}` is a wildcard"),
            format!("write `{name}` (an AcceptedDomain with includeSubdomains has the names below it too)"),
        );
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
