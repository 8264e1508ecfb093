//! A mail transaction while its content comes in, and its delivery.

use postern_proto::reply::Reply;

use super::parties::Parties;
use crate::{
    delivery::{Deliver, Peer, Transaction as _},
    filter::{HeaderError, HeaderFirewall},
    message::{HoldError, Message, Writer},
};

/// A transaction whose content is coming in.
pub(super) struct Content<D: Deliver> {
    pub(super) parties: Parties,
    firewall: HeaderFirewall,
    writer: Writer,
    onward: D::Transaction,
}

/// Content that was handed on, or could not be.
pub(super) struct Delivered {
    pub(super) parties: Parties,
    /// The reply to the end of data.
    pub(super) reply: Reply,
    /// The server that it was handed to.
    pub(super) next_hop: Option<Peer>,
    /// Size of what was handed on, in bytes, our Received field included; 0 when nothing was.
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
}

impl<D: Deliver> Content<D> {
    pub(super) fn new(parties: Parties, firewall: HeaderFirewall, writer: Writer, onward: D::Transaction) -> Self {
        Self { parties, firewall, writer, onward }
    }

    /// Takes a piece of the content. After an error the message is to be refused.
    pub(super) async fn hold(&mut self, mut piece: &[u8]) -> Result<(), ContentError> {
        while let Some(passed) = self.firewall.next(&mut piece)? {
            self.writer.append(passed).await?;
        }
        Ok(())
    }

    /// The content is complete and valid: hands it on.
    pub(super) async fn deliver(self) -> Delivered {
        let Self { parties, mut firewall, writer, onward } = self;
        let next_hop = onward.next_hop();
        let completed = complete(&mut firewall, writer).await;
        let stripped = firewall.stripped();
        match completed {
            Ok(message) => {
                let bytes = message.len();
                Delivered { parties, reply: onward.deliver(message).await, next_hop, bytes, stripped }
            }
            Err(error) => {
                onward.abandon();
                Delivered { parties, reply: error.reply(), next_hop: None, bytes: 0, stripped }
            }
        }
    }

    /// Ends without delivery.
    pub(super) fn abandon(self) {
        self.onward.abandon();
    }
}

async fn complete(firewall: &mut HeaderFirewall, mut writer: Writer) -> Result<Message, ContentError> {
    let rest = firewall.finish();
    writer.append(rest).await?;
    Ok(writer.finish().await?)
}

impl ContentError {
    /// The reply to the end of data.
    pub(super) fn reply(&self) -> Reply {
        match self {
            Self::Header(error) => error.reply(),
            Self::Hold(error) => error.reply(),
        }
    }
}
