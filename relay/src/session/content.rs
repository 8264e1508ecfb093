//! A mail transaction while its content comes in, and its delivery.

use postern_proto::reply::Reply;
use postern_spool::SpoolError;

use super::{
    held::{Held, Outcome},
    parties::Parties,
};
use crate::{
    delivery::{Deliver, Peer},
    filter::{HeaderError, HeaderFirewall},
    intake::{Intake, unqueued},
    message::HoldError,
};

/// A transaction whose content is coming in.
pub(super) struct Content<D: Deliver, Q: Intake> {
    pub(super) parties: Parties,
    firewall: HeaderFirewall,
    held: Held<D, Q>,
}

/// Content that was handed on or queued, or could not be.
pub(super) struct Delivered {
    pub(super) parties: Parties,
    /// The reply to the end of data.
    pub(super) reply: Reply,
    /// The server that it was handed to.
    pub(super) next_hop: Option<Peer>,
    /// Size of what was handed on or queued, in bytes, our Received field included; 0 when nothing was.
    pub(super) bytes: u64,
    /// Header fields that were stripped from it.
    pub(super) stripped: u32,
}

/// Why content is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Hold(#[from] HoldError),
    #[error(transparent)]
    Queue(#[from] SpoolError),
}

impl<D: Deliver, Q: Intake> Content<D, Q> {
    pub(super) fn new(parties: Parties, firewall: HeaderFirewall, held: Held<D, Q>) -> Self {
        Self { parties, firewall, held }
    }

    /// Takes a piece of the content. After an error the message is to be refused.
    pub(super) async fn hold(&mut self, mut piece: &[u8]) -> Result<(), ContentError> {
        while let Some(passed) = self.firewall.next(&mut piece)? {
            self.held.append(passed).await?;
        }
        Ok(())
    }

    /// The content is complete and valid: hands it on, or queues it.
    pub(super) async fn deliver(self) -> Delivered {
        let Self { parties, mut firewall, mut held } = self;
        let completed = complete(&mut firewall, &mut held).await;
        let stripped = firewall.stripped();
        let Outcome { reply, next_hop, bytes } = match completed {
            Ok(()) => held.deliver().await,
            Err(error) => {
                held.abandon();
                Outcome { reply: error.reply(), next_hop: None, bytes: 0 }
            }
        };
        Delivered { parties, reply, next_hop, bytes, stripped }
    }

    /// Ends without delivery.
    pub(super) fn abandon(self) {
        self.held.abandon();
    }
}

async fn complete<D: Deliver, Q: Intake>(firewall: &mut HeaderFirewall, held: &mut Held<D, Q>) -> Result<(), ContentError> {
    let rest = firewall.finish()?;
    held.append(rest).await
}

impl ContentError {
    /// The reply to the end of data.
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Header(error) => error.reply(),
            Self::Hold(error) => error.reply(),
            Self::Queue(error) => unqueued(error),
        }
    }
}
