//! Where the content of a message goes while it comes in.

use postern_proto::reply::Reply;
use postern_spool::Writer as _;

use super::content::ContentError;
use crate::{
    delivery::{Deliver, Peer, Transaction as _},
    intake::{Intake, unqueued},
    message::{Share, Writer},
};

/// Where the content of a message goes while it comes in.
pub(super) enum Held<D: Deliver, Q: Intake> {
    /// It is held until it is whole, and then handed on.
    Onward {
        /// Takes it in.
        writer: Writer,
        /// Hands it on.
        transaction: D::Transaction,
    },
    /// It goes into the queue.
    Queue {
        /// Takes it in.
        writer: Q::Writer,
        /// How much there is of it.
        bytes: u64,
        /// The memory that it takes meanwhile.
        share: Share,
    },
}

/// What became of content that was whole and valid.
pub(super) struct Outcome {
    /// The reply to the end of data.
    pub(super) reply: Reply,
    /// The server that it was handed to.
    pub(super) next_hop: Option<Peer>,
    /// Size of the message in bytes, our Received field included; 0 when it could not be held to its end.
    pub(super) bytes: u64,
}

impl<D: Deliver, Q: Intake> Held<D, Q> {
    pub(super) async fn append(&mut self, piece: &[u8]) -> Result<(), ContentError> {
        match self {
            Self::Onward { writer, .. } => writer.append(piece).await?,
            Self::Queue { writer, bytes, .. } => {
                writer.append(piece).await?;
                *bytes += piece.len() as u64;
            }
        }
        Ok(())
    }

    /// Hands the message on, or puts it into the queue. A positive reply is a promise.
    pub(super) async fn deliver(self) -> Outcome {
        match self {
            Self::Onward { writer, transaction } => {
                let next_hop = transaction.next_hop();
                match writer.finish().await {
                    Ok(message) => {
                        let bytes = message.len();
                        Outcome { reply: transaction.deliver(message).await, next_hop, bytes }
                    }
                    Err(error) => {
                        transaction.abandon();
                        Outcome { reply: error.reply(), next_hop: None, bytes: 0 }
                    }
                }
            }
            Self::Queue { writer, bytes, share } => {
                let committed = writer.commit().await;
                drop(share);
                let reply = match committed {
                    Ok(id) => Reply::new(250, (0, 0), format!("Queued as {id}")),
                    Err(error) => unqueued(&error),
                };
                Outcome { reply, next_hop: None, bytes }
            }
        }
    }

    /// Ends without delivery.
    pub(super) fn abandon(self) {
        match self {
            Self::Onward { transaction, .. } => transaction.abandon(),
            Self::Queue { .. } => {}
        }
    }
}
