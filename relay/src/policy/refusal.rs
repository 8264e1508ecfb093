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
    /// The listener is for users, and the client did not authenticate.
    NotAuthenticated,
    /// The listener is for servers that are trusted, and the client is none.
    NotTrusted,
    /// The client may not send as this sender.
    SenderNotAllowed,
    /// The relay has no route for outbound mail at all: more likely a fault of its configuration than of the sender.
    NoRoutes,
    /// No route of outbound mail is for this recipient.
    NoRoute,
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
            Self::NotAuthenticated => Reply::new(530, (7, 0), "Authentication required"),
            Self::NotTrusted => Reply::new(550, (7, 1), "This server is not known here"),
            Self::SenderNotAllowed => Reply::new(550, (7, 1), "You may not send as this sender"),
            Self::NoRoutes => Reply::new(451, (3, 5), "No way out is set up here yet, try again later"),
            Self::NoRoute => Reply::new(550, (4, 4), "No way out is set up here for this recipient"),
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
            Self::NotAuthenticated => "not_authenticated",
            Self::NotTrusted => "not_trusted",
            Self::SenderNotAllowed => "sender_not_allowed",
            Self::NoRoutes => "no_routes",
            Self::NoRoute => "no_route",
        }
    }
}
