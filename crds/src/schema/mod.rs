//! Schemas that several fields share.

use kube::core::{Rule, validate};
use schemars::{Schema, SchemaGenerator, json_schema};

/// Adds a CEL rule about `field` (a path from the schema that the rule stands in; empty for that itself). The message says what is wrong and,
/// after `; `, what mends it.
pub(crate) fn rule(field: &'static str, rule: &'static str, message: &'static str) -> impl FnMut(&mut Schema) {
    move |schema| {
        let mut rule = Rule::new(rule).message(message);
        if !field.is_empty() {
            rule = rule.field_path(field);
        }
        // A rule is made of strings alone, so it always has a JSON form.
        let _ = validate(schema, rule);
    }
}

/// Makes a list a map whose keys are `fields`: no two items may have the same, and each item can have an owner of its own.
pub(crate) fn keyed_by(fields: &'static [&'static str]) -> impl FnMut(&mut Schema) {
    move |schema| {
        schema.insert("x-kubernetes-list-type".to_owned(), "map".into());
        schema.insert("x-kubernetes-list-map-keys".to_owned(), fields.into());
    }
}

/// A lower-case A-label (RFC 5890): two labels at least, the last of which begins with a letter, so that no address passes.
const FQDN: &str = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?";

/// A fully qualified domain name.
pub(crate) fn fqdn(_: &mut SchemaGenerator) -> Schema {
    text(3, 253, &format!("^{FQDN}$"))
}

/// A DNS label (RFC 1123).
pub(crate) fn dns_label(_: &mut SchemaGenerator) -> Schema {
    text(1, 63, "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
}

/// The name of a Kubernetes object.
pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    text(1, 253, r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
}

/// A key of a ConfigMap or a Secret.
pub(crate) fn data_key(_: &mut SchemaGenerator) -> Schema {
    text(1, 253, "^[-._a-zA-Z0-9]+$")
}

/// A mailbox in lower case: a local part without quotes (RFC 5321 section 4.1.2, RFC 6531) and a domain.
pub(crate) fn mailbox(_: &mut SchemaGenerator) -> Schema {
    text(5, 318, &format!(r#"^[^\x00-\x20\x7fA-Z@"(),:;<>\[\\\]]{{1,64}}@{FQDN}$"#))
}

/// Mailboxes, each once.
pub(crate) fn mailboxes(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": 256, "x-kubernetes-list-type": "set", "items": mailbox(generator) })
}

/// A host to connect to: a name or an address.
pub(crate) fn host(_: &mut SchemaGenerator) -> Schema {
    let mut schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": 253 });
    rule(
        "",
        r"isIP(self) || self == 'localhost' || self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$')",
        "neither an IP address nor a full host name; write the whole name in lower case, such as mail.example.com",
    )(&mut schema);
    schema
}

/// Networks in CIDR notation, each once, none of which is everyone.
pub(crate) fn cidrs(_: &mut SchemaGenerator) -> Schema {
    let mut item = json_schema!({ "type": "string", "minLength": 4, "maxLength": 43 });
    rule("", "isCIDR(self)", "not a network in CIDR notation; write it as 192.0.2.0/24 or 2001:db8::/32")(&mut item);
    rule("", "!isCIDR(self) || cidr(self).prefixLength() > 0", "a network of everyone; name the networks that you mean")(&mut item);
    rule(
        "",
        "!isCIDR(self) || cidr(self) == cidr(self).masked()",
        "bits are set behind the prefix; write the network's first address, or a longer prefix",
    )(&mut item);
    json_schema!({ "type": "array", "maxItems": 64, "x-kubernetes-list-type": "set", "items": item })
}

/// [`cidrs`], of which one at least must be given.
pub(crate) fn some_cidrs(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = cidrs(generator);
    schema.insert("minItems".to_owned(), 1.into());
    schema
}

/// A label's or taint's key, or the name of a class: a name, with or without a domain as prefix.
pub(crate) fn qualified_name(_: &mut SchemaGenerator) -> Schema {
    text(1, 317, r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
}

/// The value of a label or taint.
pub(crate) fn label_value(_: &mut SchemaGenerator) -> Schema {
    text(0, 63, "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
}

/// Labels.
pub(crate) fn labels(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": label_value(generator) })
}

/// Annotations.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": { "type": "string", "maxLength": 4096 } })
}

/// An amount, as Kubernetes writes it. Never negative.
pub(crate) fn quantity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "integer" }, { "type": "string" }],
        "maxLength": 32,
        "pattern": r"^([0-9]+(\.[0-9]{0,9})?)(([KMGTPE]i)|[mkMGTPE]|([eE][0-9]{1,2}))?$",
        "x-kubernetes-int-or-string": true,
    })
}

/// A moment.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 64 })
}

/// Conditions, as the Kubernetes API has them, with its bounds.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "maxLength": 316, "description": "What the condition is about." },
                "status": { "type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds." },
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0, "description": "The generation that it was seen at." },
                "lastTransitionTime": { "type": "string", "format": "date-time", "maxLength": 64, "description": "When its status changed last." },
                "reason": { "type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, in one word for programs." },
                "message": { "type": "string", "maxLength": 32768, "description": "Why, and what would mend it, for people." },
            },
        },
    })
}

fn text(min: u32, max: u32, pattern: &str) -> Schema {
    json_schema!({ "type": "string", "minLength": min, "maxLength": max, "pattern": pattern })
}
