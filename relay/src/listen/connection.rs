//! What a session is given.

use std::sync::Arc;

use postern_config::Listener;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::{Client, Permit};
use crate::{
    snapshot::Snapshot,
    tls::{self, Facts, HandshakeError},
};

/// Everything that is known of a connection besides its bytes. Dropping it gives its place to another client.
pub struct Connection {
    /// Who is at the other end.
    pub client: Client,
    /// The listener that took it.
    pub listener: Arc<Listener>,
    /// The configuration at the time it was taken.
    pub snapshot: Arc<Snapshot>,
    /// What the TLS handshake agreed on, once there was one.
    pub tls: Option<Facts>,
    /// Its place within the limits, which also counts the messages of its client.
    pub permit: Permit,
    /// Cancelled when the relay is to end: finish the transaction, then say 421.
    pub draining: CancellationToken,
    pub(super) tls_metrics: tls::Metrics,
}

impl Connection {
    /// Makes the TLS handshake, with the certificates of the connection's snapshot, and notes what it agreed on.
    pub async fn secure<IO>(&mut self, stream: IO) -> Result<TlsStream<IO>, HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let (stream, facts) = self.snapshot.tls.accept(stream, &self.tls_metrics).await?;
        self.tls = Some(facts);
        Ok(stream)
    }
}

/// Speaks SMTP on connections.
pub trait Serve: Send + Sync + 'static {
    /// Speaks on one connection to its end. When the listener's TLS is implicit, `stream` is a TLS stream, and `connection.tls` is set.
    fn serve<IO>(&self, stream: IO, connection: Connection) -> impl Future<Output = ()> + Send
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}
