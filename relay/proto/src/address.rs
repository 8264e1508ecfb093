//! Mailboxes and paths (RFC 5321 section 4.1.2, RFC 6531 section 3.3), kept as they were written.

use std::{borrow::Cow, fmt, net::IpAddr};

/// `local@domain`.
///
/// The local part is kept to the letter, quotes included: only the next hop may interpret it (RFC 5321 section 2.3.11).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// Local part as it was written, quotes included; 1 to 64 octets.
    pub local: String,
    /// What stands after the `@` that ends the local part.
    pub domain: Domain,
}

/// What stands after the `@`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A name as it was written; may hold U-labels (RFC 6531).
    Name(String),
    /// An address literal (RFC 5321 section 4.1.3).
    Literal(Literal),
}

/// An address literal, without its brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
    Address(IpAddr),
    /// Another standardised tag with its content, as it was written: `tag:content`.
    General(String),
}

/// The path of MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody wants a report (RFC 5321 section 4.5.5).
    Null,
    /// A mailbox.
    Mailbox(Mailbox),
}

/// The path of RCPT TO. A source route is dropped when it is read, as RFC 5321 section 4.1.1.3 says: only the final mailbox counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain (RFC 5321 section 4.5.1).
    Postmaster,
    /// A mailbox.
    Mailbox(Mailbox),
}

impl Mailbox {
    /// Whether it can be sent without SMTPUTF8.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && !matches!(&self.domain, Domain::Name(name) if !name.is_ascii())
    }
}

impl Domain {
    /// The name as a lower-case A-label, the one form in which names are compared; `None` for a literal and for what IDNA refuses.
    #[must_use]
    pub fn to_a_label(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Name(name) if name.is_ascii() && !name.bytes().any(|byte| byte.is_ascii_uppercase()) => Some(Cow::Borrowed(name)),
            Self::Name(name) if name.is_ascii() => Some(Cow::Owned(name.to_ascii_lowercase())),
            Self::Name(name) => idna::domain_to_ascii_strict(name).ok().map(Cow::Owned),
            Self::Literal(_) => None,
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Literal(Literal::Address(IpAddr::V4(address))) => write!(f, "[{address}]"),
            Self::Literal(Literal::Address(IpAddr::V6(address))) => write!(f, "[IPv6:{address}]"),
            Self::Literal(Literal::General(text)) => write!(f, "[{text}]"),
        }
    }
}

/// Without the angle brackets.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// Without the angle brackets.
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("Postmaster"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}
