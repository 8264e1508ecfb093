//! Takes messages from peers that end.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    routing::put,
};
use postern_config::Storage;
use postern_spool::{MessageId, Spool, SpoolError, Writer as _};
use tokio::time::timeout;

use super::{
    head::{Head, allowance},
    metrics::{Metrics, Taken},
    recent::Recent,
    refusal::Refusal,
    request::Incoming,
};
use crate::{intake::Inlet, listen::Drain, snapshot::Store};

/// Takes messages from peers that end, into the queue of this relay.
pub struct Receiver<S> {
    /// The queue.
    pub inlet: Inlet<S>,
    /// The configuration in use.
    pub store: Arc<Store>,
    /// Whether this relay ends too. It waits for what is being taken.
    pub drain: Drain,
    /// What is counted.
    pub metrics: Metrics,
}

struct Shared<S> {
    receiver: Receiver<S>,
    recent: Recent,
}

impl<S: Spool> Receiver<S> {
    /// What peers are answered.
    pub fn routes(self) -> Router {
        let shared = Arc::new(Shared { receiver: self, recent: Recent::default() });
        Router::new().route("/handover/{id}", put(take::<S>)).with_state(shared)
    }

    /// The queue, if it is this relay's own, and open. A queue that all share needs no hand-over.
    fn queue(&self) -> Result<Arc<S>, Refusal> {
        let snapshot = self.store.snapshot().ok_or(Refusal::NoQueue)?;
        match snapshot.configuration.root.spool.as_ref().map(|spool| &spool.storage) {
            Some(Storage::Directory { .. }) => self.inlet.spool().ok_or(Refusal::NoQueue),
            Some(Storage::Postgres { .. }) | None => Err(Refusal::NoQueue),
        }
    }
}

async fn take<S: Spool>(State(shared): State<Arc<Shared<S>>>, Path(id): Path<String>, body: Body) -> Result<StatusCode, Refusal> {
    let taken = match id.parse() {
        Ok(id) => shared.take(id, body).await,
        Err(_) => Err(Refusal::Malformed("no name of a message".to_owned())),
    };
    match &taken {
        Ok(taken) => shared.receiver.metrics.taken(*taken),
        Err(refusal) => {
            tracing::warn!(id, %refusal, "a message of a peer is not taken");
            shared.receiver.metrics.refused(refusal);
        }
    }
    taken.map(|_| StatusCode::OK)
}

impl<S: Spool> Shared<S> {
    async fn take(&self, id: MessageId, body: Body) -> Result<Taken, Refusal> {
        let mut incoming = Incoming::new(body);
        // Whatever becomes of this relay: that the peer may forget the message stays true.
        if self.recent.knows(id) {
            return timeout(allowance(0), incoming.discard()).await.map_err(|_| Refusal::TooSlow)?.map(|()| Taken::Again);
        }
        // Before the look at the drain: one that begins behind it waits for us.
        let _token = self.receiver.drain.connections().token();
        if self.receiver.drain.has_begun() {
            return Err(Refusal::Ending);
        }
        let queue = self.receiver.queue()?;
        let head = timeout(allowance(0), incoming.head()).await.map_err(|_| Refusal::TooSlow)??;
        let limit = allowance(head.content_bytes);
        match timeout(limit, self.store(&queue, id, head, incoming)).await {
            Ok(taken) => taken,
            // It may have been committing.
            Err(_) => Err(Refusal::Unknown("it took too long".to_owned())),
        }
    }

    async fn store(&self, queue: &S, id: MessageId, head: Head, mut incoming: Incoming) -> Result<Taken, Refusal> {
        let (waits, mut left) = (head.held, head.content_bytes);
        let mut writer = match queue.begin(head.into_entry(id)?).await {
            Ok(writer) => writer,
            Err(SpoolError::Exists(_)) => return incoming.discard().await.map(|()| Taken::Again),
            Err(error) => return Err(error.into()),
        };
        while let Some(piece) = incoming.piece(&mut left).await? {
            writer.append(&piece).await?;
        }
        incoming.end().await?;
        if waits {
            writer.hold();
        }
        match writer.commit().await {
            Ok(_) => {
                self.recent.remember(id);
                Ok(Taken::New)
            }
            Err(SpoolError::Exists(_)) => Ok(Taken::Again),
            Err(error) => Err(error.into()),
        }
    }
}
