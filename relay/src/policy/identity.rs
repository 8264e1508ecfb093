//! Who a client was found to be.

use std::sync::Arc;

use super::Senders;

/// A client that may send to more than accepted domains: a user who authenticated, or a server that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name, for logs, rates and routes: that of the user, or of the certificate or address of the server.
    pub name: Arc<str>,
    /// Whom it may send as.
    pub senders: Arc<Senders>,
}

/// On whose behalf a message is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// Anyone: it may go to accepted domains, and nowhere else.
    Anyone,
    /// An identity of this name, whose sender was allowed when the message was taken.
    Identity(&'a str),
    /// The relay itself, which reports to a sender.
    Relay,
}
