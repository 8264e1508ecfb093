//! The spool as its users see it, whatever engine is behind it.

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{Entry, Filter, Listed, MessageId, Page, SpoolError, Statistics, Status};

/// A queue of messages that outlives crashes. Clones are the same queue.
///
/// Whatever resolves with `Ok` and changes something is durable by then, as far as the storage promises. A future that is dropped before it
/// resolved leaves open whether the change is made.
pub trait Spool: Clone + Send + Sync + 'static {
    /// Takes in a message.
    type Writer: Writer;
    /// A message that is claimed.
    type Claim: Claim;
    /// Reads the content of a message.
    type Body: Body;

    /// Begins a message with what is known of it besides its content. Dropping the writer forgets it.
    ///
    /// [`SpoolError::Full`] when the quota is reached already, so that a sender hears it before it sends the content. [`SpoolError::Exists`]
    /// when a message of this name is in the queue.
    fn begin(&self, entry: Entry) -> impl Future<Output = Result<Self::Writer, SpoolError>> + Send;

    /// Claims up to `limit` messages at the time `now`, until the time of `lease` is over.
    ///
    /// What somebody has claimed already, with a lease that ends after `now`, is not among them.
    fn claim(
        &self,
        reach: Reach,
        now: Timestamp,
        lease: Duration,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Self::Claim>, SpoolError>> + Send;

    /// The time at which a claim may find something, as it changes: `None` while nothing waits. A scheduler sleeps until then or until it
    /// changes.
    fn next_due(&self) -> watch::Receiver<Option<Timestamp>>;

    /// One message.
    fn get(&self, id: MessageId) -> impl Future<Output = Result<Listed, SpoolError>> + Send;

    /// The content of a message, claimed or not.
    fn body(&self, id: MessageId) -> impl Future<Output = Result<Self::Body, SpoolError>> + Send;

    /// The messages that `filter` means, of the next `limit` behind `after` in the order of their names. A message that turns out to be corrupt
    /// is left out.
    fn list(&self, filter: &Filter, after: Option<MessageId>, limit: usize) -> impl Future<Output = Result<Page, SpoolError>> + Send;

    /// Tells a message to wait until [`resume`](Self::resume). A claim that somebody has already goes on.
    fn hold(&self, id: MessageId) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Ends [`hold`](Self::hold).
    fn resume(&self, id: MessageId) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Makes a message due at `due`, whatever its recipients' statuses say, until the next [`Claim::update`].
    fn reschedule(&self, id: MessageId, due: Timestamp) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Takes a message out of the queue, undelivered, claimed or not.
    fn remove(&self, id: MessageId) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// How much there is.
    fn statistics(&self) -> impl Future<Output = Result<Statistics, SpoolError>> + Send;

    /// Takes nothing more ([`SpoolError::Closed`]), and resolves when all that was asked before is done.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// Which messages a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that are due and not held, in the order in which they became due.
    Due,
    /// All, due or not, held or not: what a relay hands over to its peers.
    All,
}

/// Takes in the content of a message, in memory of bounded size.
pub trait Writer: Send + 'static {
    /// Adds a piece of content.
    ///
    /// After an error, or when the future was dropped before it ended, the message is spoilt, and every further call fails.
    fn append(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Has the message wait from its commit on, as [`Spool::hold`] does: nobody who claims what is due gets it in between.
    fn hold(&mut self);

    /// Puts the message into the queue. When this resolves with its name, it is safe to answer 250.
    fn commit(self) -> impl Future<Output = Result<MessageId, SpoolError>> + Send;
}

/// A message that is ours for the time of a lease. Dropping it is like [`release`](Self::release).
pub trait Claim: Send + 'static {
    /// Reads the content.
    type Body: Body;

    /// The message.
    fn entry(&self) -> &Entry;

    /// Whether the message was told to wait ([`Spool::hold`]) when it was claimed.
    fn is_held(&self) -> bool;

    /// The recipients' statuses, to be changed and then stored by [`update`](Self::update).
    fn statuses_mut(&mut self) -> &mut [Status];

    /// Size of the content in bytes.
    fn body_bytes(&self) -> u64;

    /// The content, from its start.
    fn body(&self) -> impl Future<Output = Result<Self::Body, SpoolError>> + Send;

    /// Stores the statuses, and with them when the message is due next. It stays claimed.
    fn update(&mut self) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Makes the lease end at `until`.
    fn renew(&mut self, until: Timestamp) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Takes the message out of the queue: nothing is left to be done for it.
    fn finish(self) -> impl Future<Output = Result<(), SpoolError>> + Send;

    /// Ends the claim, so that the message is claimed again when it is due.
    fn release(self) -> impl Future<Output = Result<(), SpoolError>> + Send;
}

/// The content of a message, piece by piece.
pub trait Body: Send + 'static {
    /// The next piece, 1 to [`BLOCK_BYTES`](crate::BLOCK_BYTES) bytes long; `None` at the end. Each was compared with its checksum before.
    ///
    /// [`SpoolError::Corrupt`] when it is not what was stored: whoever passes the content on must not end it then.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<&[u8]>, SpoolError>> + Send;
}
