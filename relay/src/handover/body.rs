//! The body of a request, written while the message is read.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use postern_spool::{Body as Content, Claim, SpoolError};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{head::Head, request::DIGEST_BYTES};

/// Pieces that are read ahead, each a block of content at most.
const AHEAD: usize = 2;

/// The content of a claim, or why it can't be opened.
type Opened<C> = Result<<C as Claim>::Body, SpoolError>;

/// The message can't be read to its end, and must not look as if it had been.
#[derive(Debug, thiserror::Error)]
#[error("the message can't be read to its end")]
pub(super) struct Unread;

/// The body of a request.
pub(super) struct Outgoing {
    pieces: mpsc::Receiver<Bytes>,
    left: u64,
    whole: Arc<AtomicBool>,
}

/// Reads the message into an [`Outgoing`]; `F` opens its content.
pub(super) struct Reading<F> {
    opening: F,
    head: Vec<u8>,
    pieces: mpsc::Sender<Bytes>,
    whole: Arc<AtomicBool>,
}

/// Both ends for the message of a claim.
pub(super) fn of<C: Claim>(claim: &C) -> serde_json::Result<(Reading<impl Future<Output = Opened<C>> + Send>, Outgoing)> {
    let head = serde_json::to_vec(&Head::of(claim.entry(), claim.is_held(), claim.body_bytes()))?;
    let head = [&u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes(), &*head].concat();
    let left = (head.len() + DIGEST_BYTES) as u64 + claim.body_bytes();
    let (sender, pieces) = mpsc::channel(AHEAD);
    let whole = Arc::new(AtomicBool::new(false));
    Ok((Reading { opening: claim.body(), head, pieces: sender, whole: Arc::clone(&whole) }, Outgoing { pieces, left, whole }))
}

impl<B: Content, F: Future<Output = Result<B, SpoolError>>> Reading<F> {
    /// Tells, later, whether the request was written as a whole: only then the peer may have taken the message.
    pub(super) fn whole(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.whole)
    }

    /// Reads to the end, or until nobody wants more.
    pub(super) async fn run(self) -> Result<(), SpoolError> {
        let mut digest = Sha256::new();
        digest.update(&self.head);
        if self.pieces.send(self.head.into()).await.is_err() {
            return Ok(());
        }
        let mut body = self.opening.await?;
        while let Some(chunk) = body.next_chunk().await? {
            digest.update(chunk);
            if self.pieces.send(Bytes::copy_from_slice(chunk)).await.is_err() {
                return Ok(());
            }
        }
        // Nobody who does not want it any more needs it.
        let _ = self.pieces.send(Bytes::copy_from_slice(&digest.finalize())).await;
        Ok(())
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Unread;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Unread>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.poll_recv(context)).and_then(|piece| Some((self.left.checked_sub(piece.len() as u64)?, piece)));
        let Some((left, piece)) = piece else { return Poll::Ready(Some(Err(Unread))) };
        self.left = left;
        if left == 0 {
            self.whole.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
