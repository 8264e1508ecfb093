//! Connections of peers: few, and each may bring many messages.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    time::timeout,
};

use super::send::AT_ONCE;

/// Connections at once. A peer has no more than [`AT_ONCE`], and who finds no place asks another peer, or later.
const CONNECTIONS: usize = 4 * AT_ONCE;
/// How long a connection may say nothing between two messages.
const IDLE: Duration = Duration::from_secs(30);
/// The life of a connection. A peer that has more to bring makes another.
const LIFE: Duration = Duration::from_mins(15);
/// What is read ahead on a connection, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Where peers come in. Clones are the same door.
#[derive(Clone)]
pub(crate) struct Door {
    routes: Router,
    places: Arc<Semaphore>,
}

impl Door {
    /// A door behind which `routes` answer.
    pub(crate) fn new(routes: Router) -> Self {
        Self { routes, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Serves a connection whose client is known to be a peer, in the background. When there is no place, it is closed.
    pub(crate) fn admit<IO>(&self, stream: IO)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(BUFFER_BYTES);
        let answering = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.routes.clone()));
        tokio::spawn(async move {
            match timeout(LIFE, answering).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "connection of a peer failed"),
                Err(_) => tracing::debug!("connection of a peer lasted too long"),
            }
            drop(place);
        });
    }
}
