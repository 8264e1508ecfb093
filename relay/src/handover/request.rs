//! A message as it comes from a peer, read piece by piece.

use std::{pin::Pin, task::Poll};

use axum::body::Body;
use hyper::body::{Body as _, Bytes, Frame};
use sha2::{Digest as _, Sha256};

use super::{
    head::{Head, MAX_HEAD_BYTES},
    refusal::Refusal,
};

/// Bytes of the digest at the end.
pub(super) const DIGEST_BYTES: usize = 32;

/// The body of a request. What was read goes into the digest.
pub(super) struct Incoming {
    body: Body,
    /// What came and was not read yet.
    pending: Bytes,
    digest: Sha256,
}

impl Incoming {
    pub(super) fn new(body: Body) -> Self {
        Self { body, pending: Bytes::new(), digest: Sha256::new() }
    }

    /// The head, which comes first.
    pub(super) async fn head(&mut self) -> Result<Head, Refusal> {
        let length = self.exactly(size_of::<u32>()).await?;
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > MAX_HEAD_BYTES {
            return Err(Refusal::TooLarge);
        }
        Head::read(&self.exactly(length).await?)
    }

    /// The next piece of what `left` tells is still to come of the content; `None` when that is nothing.
    pub(super) async fn piece(&mut self, left: &mut u64) -> Result<Option<Bytes>, Refusal> {
        if *left == 0 {
            return Ok(None);
        }
        let piece = self.at_most(usize::try_from(*left).unwrap_or(usize::MAX)).await?;
        *left -= piece.len() as u64;
        self.digest.update(&piece);
        Ok(Some(piece))
    }

    /// Compares the digest, and sees that nothing comes behind it.
    pub(super) async fn end(mut self) -> Result<(), Refusal> {
        let expected = std::mem::take(&mut self.digest).finalize();
        let told = self.exactly(DIGEST_BYTES).await?;
        if told != expected.as_slice() {
            return Err(Refusal::Damaged);
        }
        if !self.pending.is_empty() || self.frame().await?.is_some() {
            return Err(Refusal::Malformed("something follows the digest".to_owned()));
        }
        Ok(())
    }

    /// Reads on to the end, so that the peer, which is still writing, hears the answer and not a reset.
    pub(super) async fn discard(mut self) -> Result<(), Refusal> {
        while self.frame().await?.is_some() {}
        Ok(())
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Refusal> {
        let mut read = Vec::new();
        while read.len() < length {
            read.extend_from_slice(&self.at_most(length - read.len()).await?);
        }
        self.digest.update(&read);
        Ok(read)
    }

    async fn at_most(&mut self, length: usize) -> Result<Bytes, Refusal> {
        while self.pending.is_empty() {
            self.pending = self.frame().await?.ok_or_else(cut)?;
        }
        Ok(self.pending.split_to(length.min(self.pending.len())))
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let frame = std::future::poll_fn(|context| match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(frame.transpose()),
                Poll::Pending => Poll::Pending,
            });
            match frame.await.map_err(|_| cut())?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) if !data.is_empty() => return Ok(Some(data)),
                // Trailers and empty frames say nothing.
                Some(_) => {}
            }
        }
    }
}

fn cut() -> Refusal {
    Refusal::Malformed("it was cut off".to_owned())
}
