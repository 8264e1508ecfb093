//! The ways in which a client may authenticate.

use std::fmt;

/// A mechanism of SASL (RFC 4422).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN, which no RFC describes.
    Login,
    /// EXTERNAL (RFC 4422 appendix A): by the client certificate.
    External,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-256-PLUS (RFC 7677): bound to the TLS session.
    ScramSha256Plus,
}

/// The strongest first.
const ALL: [Mechanism; 5] = [Mechanism::External, Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login];

/// A set of mechanisms; empty by default. Shows itself as EHLO lists them, the strongest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mechanisms(u8);

impl Mechanism {
    /// Its name as SASL registers it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::External => "EXTERNAL",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }

    /// The mechanism of that name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|mechanism| name.eq_ignore_ascii_case(mechanism.name()))
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Mechanisms {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `mechanism` is one of them.
    #[must_use]
    pub fn contains(self, mechanism: Mechanism) -> bool {
        self.0 & mechanism.bit() != 0
    }
}

impl FromIterator<Mechanism> for Mechanisms {
    fn from_iter<I: IntoIterator<Item = Mechanism>>(mechanisms: I) -> Self {
        Self(mechanisms.into_iter().fold(0, |bits, mechanism| bits | mechanism.bit()))
    }
}

impl fmt::Display for Mechanisms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut offered = ALL.into_iter().filter(|mechanism| self.contains(*mechanism));
        f.write_str(offered.next().map_or("", Mechanism::name))?;
        offered.try_for_each(|mechanism| write!(f, " {}", mechanism.name()))
    }
}
