//! Domain names as the relay compares them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// A domain name in the one form that the relay compares: a lower-case A-label (RFC 5890), at least two labels, no trailing dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(Arc<str>);

/// Why a text is not a [`DomainName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there, or only a dot.
    #[error("the name is empty")]
    Empty,
    /// Over 253 octets (RFC 1035 section 2.3.4).
    #[error("the name is longer than 253 octets")]
    TooLong,
    /// A single label: everything below a top-level domain, or a host without a domain.
    #[error("`{0}` is a single label; write the whole name, such as `mail.example.com`")]
    SingleLabel(String),
    /// A label that DNS or the LDH rule forbids.
    #[error("the label `{0}` is not 1 to 63 letters, digits or hyphens, with no hyphen at either end")]
    Label(String),
    /// Upper case or a trailing dot.
    #[error("write the name in lower case and without a dot at the end")]
    NotNormal,
    /// A U-label.
    #[error("write the name as its A-label, `{0}`")]
    ULabel(String),
    /// An IP address.
    #[error("`{0}` is an address, not a name")]
    Address(String),
}

impl DomainName {
    /// Takes a name that is already in the form that is compared.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.trim_matches('.').is_empty() {
            return Err(NameError::Empty);
        }
        if !text.is_ascii() {
            return Err(u_label(text));
        }
        if text.len() > 253 {
            return Err(NameError::TooLong);
        }
        if text.ends_with('.') || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(NameError::NotNormal);
        }
        if let Some(label) = text.split('.').find(|label| !is_label(label)) {
            return Err(NameError::Label(label.to_owned()));
        }
        if text.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(NameError::Address(text.to_owned()));
        }
        if !text.contains('.') {
            return Err(NameError::SingleLabel(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether anyone may register names below this one (the public suffix list, or a top-level domain): nobody can own all its mail.
    #[must_use]
    pub fn is_public_suffix(&self) -> bool {
        psl::suffix(self.0.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == self.0.as_bytes() && suffix.is_known())
    }
}

fn u_label(text: &str) -> NameError {
    match idna::domain_to_ascii_strict(text) {
        Ok(ascii) => NameError::ULabel(ascii),
        Err(_) => NameError::Label(text.to_owned()),
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl TryFrom<String> for DomainName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
