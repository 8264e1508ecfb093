//! Takes messages into the queue, for listeners whose delivery is `Spool`.

mod inlet;
mod refusal;

use std::{future::Future, sync::Arc};

use postern_proto::{address::ForwardPath, reply::Reply};
use postern_spool::{Entry, SpoolError, Writer};

use crate::delivery::Destination;
pub use inlet::Inlet;
pub use refusal::unqueued;

/// Where messages wait that the relay has promised to deliver.
pub trait Intake: Send + Sync + 'static {
    /// Takes in the content of a message.
    type Writer: Writer;

    /// Whether it is known already that mail to `recipient` has nowhere to go: the reply that its sender hears then. Takes a few seconds at most;
    /// what can't be told in that time is found out later.
    fn has_nowhere_to_go(&self, to: &Arc<Destination>, recipient: &ForwardPath) -> impl Future<Output = Option<Reply>> + Send;

    /// Begins a message ([`postern_spool::Spool::begin`]).
    fn begin(&self, entry: Entry) -> impl Future<Output = Result<Self::Writer, SpoolError>> + Send;
}
