//! Ends a message by a report to its sender.

use std::future::Future;

use postern_spool::{MessageId, SpoolError};

/// Who gives messages back to their senders.
pub trait Bounce: Clone + Send + Sync + 'static {
    /// Fails every recipient of the message that is still pending, so that its sender gets a report where one is owed, and the message ends.
    fn bounce(&self, id: MessageId) -> impl Future<Output = Result<(), BounceError>> + Send;
}

/// Why a message is not given back.
#[derive(Debug, thiserror::Error)]
pub enum BounceError {
    /// A delivery has it. What becomes of that is known soon.
    #[error("it is being delivered at this moment: try again when that has ended")]
    Claimed,
    /// The queue can't do it.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}
