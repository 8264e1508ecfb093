//! An HTTP server that a stranger can't fill: few connections, each with one request and little time.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream, unix},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections at once; more wait in the kernel.
const CONNECTIONS: usize = 64;
/// For the whole of a connection from the network: handshake, request and response.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const BACK_OFF: Duration = Duration::from_millis(200);

/// A socket that connections come to.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: Send + 'static;
    /// Where it comes from.
    type Peer: fmt::Debug + Send + 'static;

    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Peer = unix::SocketAddr;

    async fn accept(&self) -> io::Result<(UnixStream, unix::SocketAddr)> {
        Self::accept(self).await
    }
}

/// Has `answer` answer each connection, for ever, with so much time for the whole of it. `port` names it in the log.
pub(crate) async fn serve<L: Listener, F, E>(listener: L, port: &'static str, deadline: Duration, answer: impl Fn(L::Stream) -> F)
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: fmt::Display,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let answered = timeout(deadline, answer(stream));
                tokio::spawn(async move {
                    match answered.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::debug!(port, ?peer, %error, "connection failed"),
                        Err(_) => tracing::debug!(port, ?peer, "connection took too long"),
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(port, %error, "can't accept connections");
                sleep(BACK_OFF).await;
            }
        }
    }
}

/// Answers the one request of a connection.
pub(crate) async fn respond<IO>(stream: IO, routes: Router) -> hyper::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await
}
