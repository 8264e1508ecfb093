//! Whom an identity may send as.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DomainName, NameError};

/// A sender that an identity may use in MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SenderPattern {
    /// `<>`: the null reverse-path, for reports (RFC 5321 section 4.5.5).
    Null,
    /// `*`: any sender. Only for who shows a client certificate.
    Any,
    /// `@example.com`: every mailbox of a domain, not of those below it.
    Domain(DomainName),
    /// `user@example.com`: one mailbox. The local part is compared in lower case.
    Mailbox {
        /// What stands before the last `@`, in lower case.
        local: String,
        /// What stands behind it.
        domain: DomainName,
    },
}

/// Why a text is no [`SenderPattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderPatternError {
    /// It has no `@`.
    #[error("write a mailbox (`user@example.com`), a domain (`@example.com`), `<>` or `*`")]
    Form,
    /// What stands behind the last `@` is no domain name.
    #[error("the domain of the sender: {0}")]
    Domain(#[from] NameError),
    /// What stands before it is not in the form that is compared.
    #[error("write the mailbox in lower case, with 1 to 64 printable characters before the @")]
    Local,
}

impl SenderPattern {
    /// Reads a pattern as specifications write it.
    pub fn parse(text: &str) -> Result<Self, SenderPatternError> {
        match text {
            "<>" => return Ok(Self::Null),
            "*" => return Ok(Self::Any),
            _ => {}
        }
        let (local, domain) = text.rsplit_once('@').ok_or(SenderPatternError::Form)?;
        let domain = DomainName::parse(domain)?;
        if local.is_empty() {
            return Ok(Self::Domain(domain));
        }
        let is_comparable =
            local.len() <= 64 && local.to_lowercase() == local && !local.chars().any(|c| c.is_control() || c.is_whitespace());
        if is_comparable { Ok(Self::Mailbox { local: local.to_owned(), domain }) } else { Err(SenderPatternError::Local) }
    }
}

impl fmt::Display for SenderPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Any => f.write_str("*"),
            Self::Domain(domain) => write!(f, "@{domain}"),
            Self::Mailbox { local, domain } => write!(f, "{local}@{domain}"),
        }
    }
}

impl TryFrom<String> for SenderPattern {
    type Error = SenderPatternError;

    fn try_from(text: String) -> Result<Self, SenderPatternError> {
        Self::parse(&text)
    }
}

impl From<SenderPattern> for String {
    fn from(pattern: SenderPattern) -> Self {
        pattern.to_string()
    }
}
