//! Why a recipient is refused, and what the client hears.

use postern_proto::reply::Reply;

/// Why a recipient is not relayed. Each is exactly one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The recipient's domain is not an accepted domain of this relay.
    NotAccepted,
    /// The relay has no accepted domain at all: more likely a fault of its configuration than of the sender.
    NoDomains,
    /// The domain is accepted, but can't be served now.
    Detached,
    /// The recipient is on the domain's list of refused recipients.
    Blocked,
    /// The domain validates by list, and the recipient is not on it.
    Unknown,
    /// `<Postmaster>`, and no mailbox is set for it.
    NoPostmaster,
}

impl Refusal {
    /// What the client hears.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self {
            Self::NotAccepted => Reply::new(550, (7, 1), "Relaying denied: the recipient's domain is not accepted here"),
            Self::NoDomains => Reply::new(451, (3, 5), "No domain is set up here yet, try again later"),
            Self::Detached => Reply::new(451, (3, 5), "The recipient's domain can't be served now, try again later"),
            Self::Blocked => Reply::new(550, (7, 1), "The recipient takes no mail from outside"),
            Self::Unknown => Reply::new(550, (1, 1), "No such recipient here"),
            Self::NoPostmaster => Reply::new(451, (3, 5), "No postmaster is set up here yet, try again later"),
        }
    }

    /// The refusal's label in metrics and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NotAccepted => "not_accepted",
            Self::NoDomains => "no_domains",
            Self::Detached => "detached",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown_recipient",
            Self::NoPostmaster => "no_postmaster",
        }
    }
}
