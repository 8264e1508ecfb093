//! The ways in which we authenticate with a server.

/// A mechanism of SASL (RFC 4422).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN, which no RFC describes.
    Login,
    /// XOAUTH2: a bearer token, as Google and Microsoft describe it.
    XOAuth2,
}

impl Mechanism {
    /// All of them.
    const ALL: [Self; 3] = [Self::Plain, Self::Login, Self::XOAuth2];

    /// Its name in AUTH.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// The mechanism of that name, in any case; `None` for one that we don't use.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| name.eq_ignore_ascii_case(mechanism.name()))
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}
