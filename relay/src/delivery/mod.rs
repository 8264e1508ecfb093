//! Hands transactions to next hops.
//!
//! A transaction goes to one next hop: the first recipient chooses it and connects, the others follow on the same connection, and the reply
//! to each is what the next hop says. Nothing is queued: what the client hears after its last dot is what the next hop answered.

mod auth;
mod choose;
mod connection;
mod deadlines;
mod destination;
mod dial;
mod fault;
mod hop;
mod lacks;
mod loader;
mod metrics;
mod mx;
mod outbound;
mod pass_through;
mod peer;
mod pool;
mod resolve;
mod resolvers;
mod search;
mod source;
mod stream;
mod suspects;
mod tls;
mod transaction;
mod unknown;

use std::{future::Future, sync::Arc};

use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

use crate::message::Message;
pub use destination::Destination;
pub use loader::{DestinationError, FileProblem, Loader};
pub use metrics::Metrics;
pub use outbound::Outbound;
pub use pass_through::PassThrough;
pub use peer::Peer;
pub use resolve::Resolver;
pub use source::Source;
pub(crate) use tls::client_config;
pub use transaction::Handover;
pub(crate) use unknown::says_unknown;

/// Where transactions begin.
pub trait Deliver: Send + Sync + 'static {
    /// One transaction on its way.
    type Transaction: Transaction;

    /// Begins a transaction. No I/O yet: the next hop is asked at the first recipient.
    fn begin(&self, mail: &MailFrom, to: &Arc<Destination>) -> Self::Transaction;
}

/// One transaction with one next hop. Dropping it is the same as [`Transaction::abandon`].
pub trait Transaction: Send {
    /// Asks the next hop whether it takes this recipient. The reply is what the client is to hear; a positive one means that the recipient
    /// is part of the transaction. Never takes longer than the client waits for it.
    fn rcpt(&mut self, rcpt: &RcptTo) -> impl Future<Output = Reply> + Send;

    /// Hands over the content for the recipients that were taken. The reply is the one to the end of data. It must be awaited to its end:
    /// when it is dropped, the message may have been delivered all the same.
    fn deliver(self, message: Message) -> impl Future<Output = Reply> + Send;

    /// The server that has the transaction, for logs; `None` while none has.
    fn next_hop(&self) -> Option<Peer> {
        None
    }

    /// Gives the transaction up. Never waits: the next hop is told in the background.
    fn abandon(self);
}
