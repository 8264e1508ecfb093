//! The forms that texts of the API have.

use schemars::{Schema, json_schema};

/// A lower-case A-label (RFC 5890): two labels at least, the last of which begins with a letter, so that no IPv4 address passes.
macro_rules! domain_name {
    () => {
        "([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
    };
}

/// A name of up to 63 characters, with or without a domain as prefix.
macro_rules! qualified_name {
    () => {
        "([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
    };
}

/// A local part without quotes (RFC 5321 section 4.1.2, RFC 6531) in lower case.
macro_rules! local_part {
    () => {
        r#"[^\x00-\x20\x7fA-Z@"(),:;<>\[\\\]]{1,64}"#
    };
}

/// What a text must look like.
#[derive(Debug)]
pub(crate) struct Form {
    /// What it is called in messages, with its article.
    pub(crate) what: &'static str,
    /// One that is right.
    pub(crate) example: &'static str,
    /// The regular expression (RE2) that it matches.
    pub(crate) pattern: &'static str,
    min: u32,
    max: u32,
}

impl Form {
    /// The schema of a text of this form.
    pub(crate) fn schema(&self) -> Schema {
        json_schema!({ "type": "string", "minLength": self.min, "maxLength": self.max, "pattern": self.pattern })
    }

    /// The form that has this pattern.
    pub(crate) fn of_pattern(pattern: &str) -> Option<&'static Self> {
        FORMS.into_iter().find(|form| form.pattern == pattern)
    }
}

const FORMS: [&Form; 16] = [
    &DOMAIN_NAME,
    &DOMAIN_PATTERN,
    &DNS_LABEL,
    &OBJECT_NAME,
    &NAMESPACE,
    &KIND,
    &DATA_KEY,
    &MAILBOX,
    &SENDER,
    &SENDER_OR_ANY,
    &HEADER_NAME,
    &LINE,
    &DAY,
    &QUALIFIED_NAME,
    &LABEL_VALUE,
    &QUANTITY,
];

/// A fully qualified domain name.
pub(crate) static DOMAIN_NAME: Form =
    Form { what: "a full domain name", example: "mail.example.com", pattern: concat!("^", domain_name!(), "$"), min: 3, max: 253 };

/// A domain, or every name below one.
pub(crate) static DOMAIN_PATTERN: Form = Form {
    what: "a full domain name, behind `*.` or not",
    example: "*.example.com",
    pattern: concat!("^([*][.])?", domain_name!(), "$"),
    min: 3,
    max: 255,
};

/// A DNS label (RFC 1123).
pub(crate) static DNS_LABEL: Form = Form {
    what: "a name of lower-case letters, digits and hyphens",
    example: "mx-1",
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
    min: 1,
    max: 63,
};

/// The name of a Kubernetes object.
pub(crate) static OBJECT_NAME: Form = Form {
    what: "the name of a Kubernetes object",
    example: "internal-ca",
    pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    min: 1,
    max: 253,
};

/// The name of a namespace, or nothing for the own one.
pub(crate) static NAMESPACE: Form =
    Form { what: "the name of a namespace", example: "mail", pattern: "^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$", min: 0, max: 63 };

/// A kind of the Kubernetes API.
pub(crate) static KIND: Form =
    Form { what: "a kind of the Kubernetes API", example: "ClusterIssuer", pattern: "^[A-Z][A-Za-z0-9]*$", min: 1, max: 63 };

/// A key of a ConfigMap or a Secret.
pub(crate) static DATA_KEY: Form =
    Form { what: "a key of a ConfigMap or Secret", example: "ca.crt", pattern: "^[-._a-zA-Z0-9]+$", min: 1, max: 253 };

/// A mailbox in lower case.
pub(crate) static MAILBOX: Form = Form {
    what: "a mailbox in lower case",
    example: "user@example.com",
    pattern: concat!("^", local_part!(), "@", domain_name!(), "$"),
    min: 5,
    max: 318,
};

/// A mailbox, every mailbox of a domain, or the null sender.
pub(crate) static SENDER: Form = Form {
    what: "a mailbox in lower case, a domain behind `@`, or `<>`",
    example: "@example.com",
    pattern: concat!("^(<>|(", local_part!(), ")?@", domain_name!(), ")$"),
    min: 2,
    max: 318,
};

/// A sender, or every sender.
pub(crate) static SENDER_OR_ANY: Form = Form {
    what: "a mailbox in lower case, a domain behind `@`, `<>` or `*`",
    example: "@example.com",
    pattern: concat!("^(<>|[*]|(", local_part!(), ")?@", domain_name!(), ")$"),
    min: 1,
    max: 318,
};

/// The name of a header field (RFC 5322 section 2.2).
pub(crate) static HEADER_NAME: Form =
    Form { what: "the name of a header field", example: "X-OriginatorOrg", pattern: r"^[\x21-\x39\x3b-\x7e]+$", min: 1, max: 77 };

/// One line of text.
pub(crate) static LINE: Form =
    Form { what: "a text without control characters", example: "example.com", pattern: r"^[^\x00-\x1f\x7f]+$", min: 1, max: 255 };

/// A day of the calendar.
pub(crate) static DAY: Form =
    Form { what: "a day", example: "2027-03-31", pattern: "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", min: 10, max: 10 };

/// The key of a label or taint, or the name of a class: a name, with or without a domain as prefix.
pub(crate) static QUALIFIED_NAME: Form = Form {
    what: "a name with an optional prefix",
    example: "topology.kubernetes.io/zone",
    pattern: concat!("^", qualified_name!(), "$"),
    min: 1,
    max: 317,
};

/// The value of a label or taint.
pub(crate) static LABEL_VALUE: Form =
    Form { what: "the value of a label", example: "mail", pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", min: 0, max: 63 };

/// An amount, as Kubernetes writes it; never negative.
pub(crate) static QUANTITY: Form =
    Form { what: "an amount", example: "256Mi", pattern: "^[0-9]+([.][0-9]{1,9})?([KMGTPE]i|[mkMGTPE])?$", min: 1, max: 32 };

/// The CEL rule of a host: an address, or a name that needs no search list.
pub(crate) const HOST_RULE: &str = concat!("isIP(self) || self == 'localhost' || self.matches('^", domain_name!(), "$')");

/// The CEL rule of the keys of labels and annotations.
pub(crate) const KEYS_RULE: &str = concat!("self.all(key, key.matches('^", qualified_name!(), "$'))");
