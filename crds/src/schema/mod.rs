//! Schemas that several fields share.

pub(crate) mod form;

use kube::core::{Rule, validate};
use schemars::{Schema, SchemaGenerator, json_schema};

/// The CEL rule that a network is one.
pub(crate) const NETWORK_RULE: &str = "isCIDR(self)";
/// The CEL rule that a network is written with its first address.
pub(crate) const FIRST_ADDRESS_RULE: &str = "!isCIDR(self) || cidr(self) == cidr(self).masked()";

/// The CEL rule that an address is one.
pub(crate) const ADDRESS_RULE: &str = "isIP(self)";
/// The CEL rule that an address is written in its shortest form.
pub(crate) const SHORTEST_FORM_RULE: &str = "!isIP(self) || ip.isCanonical(self)";

/// Adds a CEL rule about `field`: a path from the schema that the rule stands in, empty for that itself. The message says what is wrong and,
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

/// Makes a list one value: whoever sets it, sets all of it.
pub(crate) fn as_a_whole(schema: &mut Schema) {
    schema.insert("x-kubernetes-list-type".to_owned(), "atomic".into());
}

pub(crate) fn domain_name(_: &mut SchemaGenerator) -> Schema {
    form::DOMAIN_NAME.schema()
}

pub(crate) fn dns_label(_: &mut SchemaGenerator) -> Schema {
    form::DNS_LABEL.schema()
}

pub(crate) fn object_name(_: &mut SchemaGenerator) -> Schema {
    form::OBJECT_NAME.schema()
}

/// The namespace of a reference; empty for that of the resource.
pub(crate) fn namespace(_: &mut SchemaGenerator) -> Schema {
    form::NAMESPACE.schema()
}

/// [`namespace`] where it tells the items of a list apart: such a field must have a default.
pub(crate) fn namespace_key(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = namespace(generator);
    schema.insert("default".to_owned(), "".into());
    schema
}

pub(crate) fn kind(_: &mut SchemaGenerator) -> Schema {
    form::KIND.schema()
}

/// Domains and wildcards, each once.
pub(crate) fn domain_patterns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 64, "x-kubernetes-list-type": "set", "items": form::DOMAIN_PATTERN.schema() })
}

pub(crate) fn data_key(_: &mut SchemaGenerator) -> Schema {
    form::DATA_KEY.schema()
}

pub(crate) fn mailbox(_: &mut SchemaGenerator) -> Schema {
    form::MAILBOX.schema()
}

pub(crate) fn qualified_name(_: &mut SchemaGenerator) -> Schema {
    form::QUALIFIED_NAME.schema()
}

pub(crate) fn label_value(_: &mut SchemaGenerator) -> Schema {
    form::LABEL_VALUE.schema()
}

/// An amount is a text or a whole number.
pub(crate) fn quantity(_: &mut SchemaGenerator) -> Schema {
    let mut schema = form::QUANTITY.schema();
    schema.remove("type");
    schema.insert("x-kubernetes-int-or-string".to_owned(), true.into());
    schema
}

/// Mailboxes, each once.
pub(crate) fn mailboxes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": 256, "x-kubernetes-list-type": "set", "items": form::MAILBOX.schema() })
}

/// A host to connect to: a name or an address.
pub(crate) fn host(_: &mut SchemaGenerator) -> Schema {
    let mut schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": 253 });
    rule("", form::HOST_RULE, "neither an IP address nor a full host name; write the whole name in lower case, such as mail.example.com")(
        &mut schema,
    );
    schema
}

/// The address of one server, in one form alone, so that lists can tell whether they hold it twice.
pub(crate) fn server_address(_: &mut SchemaGenerator) -> Schema {
    let mut schema = json_schema!({ "type": "string", "minLength": 2, "maxLength": 39 });
    rule("", ADDRESS_RULE, "not an IP address; write one such as 192.0.2.53 or 2001:db8::53, and the port in the field for it")(
        &mut schema,
    );
    rule("", SHORTEST_FORM_RULE, "not the shortest form of the address; write it in lower case, with :: for its zeros")(&mut schema);
    rule(
        "",
        "!isIP(self) || !['0.0.0.0/8', '224.0.0.0/3', '::/128', 'fe80::/10', 'ff00::/8'].exists(n, cidr(n).containsIP(self))",
        "no server can be asked at this address: it is unspecified, multicast, reserved, or good on one link alone; write that of a server",
    )(&mut schema);
    schema
}

/// Networks in CIDR notation, each once, none of which is everyone.
pub(crate) fn cidrs(_: &mut SchemaGenerator) -> Schema {
    let mut item = json_schema!({ "type": "string", "minLength": 4, "maxLength": 43 });
    rule("", NETWORK_RULE, "not a network in CIDR notation; write it like 192.0.2.0/24 or 2001:db8::/32")(&mut item);
    rule("", "!isCIDR(self) || cidr(self).prefixLength() > 0", "a prefix of 0 is everyone; name the networks that you mean")(&mut item);
    rule("", FIRST_ADDRESS_RULE, "bits are set behind the prefix; write the network's first address, or a longer prefix")(&mut item);
    json_schema!({ "type": "array", "maxItems": 64, "x-kubernetes-list-type": "set", "items": item })
}

/// Networks in CIDR notation, each once, in which few can have an address; one at least.
pub(crate) fn tight_cidrs(_: &mut SchemaGenerator) -> Schema {
    let mut item = json_schema!({ "type": "string", "minLength": 4, "maxLength": 43 });
    rule("", NETWORK_RULE, "not a network in CIDR notation; write it like 192.0.2.25/32 or 2001:db8::/64")(&mut item);
    rule(
        "",
        "!isCIDR(self) || cidr(self).prefixLength() >= (self.contains(':') ? 64 : 24)",
        "wider than /24 (IPv4) or /64 (IPv6), so many could send; name the servers that you mean",
    )(&mut item);
    rule("", FIRST_ADDRESS_RULE, "bits are set behind the prefix; write the network's first address, or a longer prefix")(&mut item);
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 64, "x-kubernetes-list-type": "set", "items": item })
}

/// Whom an identity may send as.
pub(crate) fn allowed_senders(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 1000, "x-kubernetes-list-type": "set", "items": form::SENDER_OR_ANY.schema() })
}

/// Senders that mail may have.
pub(crate) fn senders(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 256, "x-kubernetes-list-type": "set", "items": form::SENDER.schema() })
}

/// Domains of recipients, and wildcards.
pub(crate) fn recipient_domains(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 256, "x-kubernetes-list-type": "set", "items": form::DOMAIN_PATTERN.schema() })
}

/// Names that users authenticate with.
pub(crate) fn user_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 256, "x-kubernetes-list-type": "set", "items": form::LINE.schema() })
}

/// Names of listeners.
pub(crate) fn listener_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 16, "x-kubernetes-list-type": "set", "items": form::DNS_LABEL.schema() })
}

pub(crate) fn domain_pattern(_: &mut SchemaGenerator) -> Schema {
    form::DOMAIN_PATTERN.schema()
}

pub(crate) fn day(_: &mut SchemaGenerator) -> Schema {
    form::DAY.schema()
}

pub(crate) fn header_name(_: &mut SchemaGenerator) -> Schema {
    form::HEADER_NAME.schema()
}

/// Values of a header field.
pub(crate) fn header_values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "minItems": 1, "maxItems": 64, "x-kubernetes-list-type": "set", "items": form::LINE.schema() })
}

/// [`cidrs`], of which one at least must be given.
pub(crate) fn some_cidrs(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = cidrs(generator);
    schema.insert("minItems".to_owned(), 1.into());
    schema
}

/// Labels.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    keyed_texts(&form::LABEL_VALUE.schema())
}

/// Annotations.
pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    keyed_texts(&json_schema!({ "type": "string", "maxLength": 4096 }))
}

fn keyed_texts(value: &Schema) -> Schema {
    let mut schema = json_schema!({ "type": "object", "maxProperties": 32, "additionalProperties": value });
    rule(
        "",
        form::KEYS_RULE,
        "a key is not a name of up to 63 letters, digits, hyphens, dots and underscores, behind a domain and a slash or not; rename it",
    )(&mut schema);
    schema
}

/// A moment.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 64 })
}

/// Conditions, as the Kubernetes API has them, with its bounds.
pub(crate) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut time = time(generator);
    time.insert("description".to_owned(), "When its status changed last.".into());
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
                "lastTransitionTime": time,
                "reason": { "type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, in one word for programs." },
                "message": { "type": "string", "maxLength": 32768, "description": "Why, and what would mend it, for people." },
            },
        },
    })
}
