//! The content of a message, piece by piece.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{Path, State},
};
use hyper::body::{Bytes, Frame, SizeHint};
use memchr::memmem;
use postern_spool::{Body as _, MessageId, Spool, SpoolError};
use tokio::sync::mpsc;

use super::{Problem, Queue};
use crate::queue_tools::Bounce;

/// Pieces that are read ahead of whoever reads slowly.
const AHEAD: usize = 2;
/// The most of a header that is shown.
const MAX_HEADER: usize = 256 << 10;

/// All of it. Where it turns out to be corrupt, the connection breaks off before its end.
pub(super) async fn content<S: Spool, B: Bounce>(State(queue): State<Queue<S, B>>, Path(id): Path<MessageId>) -> Result<Body, Problem> {
    let spool = queue.spool()?;
    let bytes = spool.get(id).await?.body_bytes;
    let body = spool.body(id).await?;
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::spawn(pass_on(body, sender));
    Ok(Body::new(Pieces { pieces, bytes }))
}

/// What stands before the first empty line, with that line, as far as [`MAX_HEADER`].
pub(super) async fn header<S: Spool, B: Bounce>(State(queue): State<Queue<S, B>>, Path(id): Path<MessageId>) -> Result<Vec<u8>, Problem> {
    const EMPTY_LINE: &[u8] = b"\r\n\r\n";
    let mut body = queue.spool()?.body(id).await?;
    let mut header = Vec::new();
    while header.len() < MAX_HEADER
        && let Some(piece) = body.next_chunk().await?
    {
        // The end may lie across two pieces.
        let searched = header.len().saturating_sub(EMPTY_LINE.len() - 1);
        header.extend_from_slice(piece);
        if let Some(end) = memmem::find(&header[searched..], EMPTY_LINE) {
            header.truncate(searched + end + EMPTY_LINE.len());
            break;
        }
    }
    header.truncate(MAX_HEADER);
    Ok(header)
}

/// Reads `body` to its end, or until nobody wants more of it.
async fn pass_on(mut body: impl postern_spool::Body, to: mpsc::Sender<Result<Bytes, SpoolError>>) {
    while let Some(piece) = body.next_chunk().await.map(|piece| piece.map(Bytes::copy_from_slice)).transpose() {
        let is_last = piece.is_err();
        if to.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// A body of HTTP that comes from a task.
struct Pieces {
    pieces: mpsc::Receiver<Result<Bytes, SpoolError>>,
    bytes: u64,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = SpoolError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SpoolError>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}
