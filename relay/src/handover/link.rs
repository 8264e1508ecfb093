//! A connection to a peer, for one message after the other.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Method, Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use postern_spool::MessageId;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, task::AbortHandle, time::timeout};
use tokio_rustls::TlsConnector;

use super::body::Outgoing;
use crate::tls::Identity;

/// For connecting and the handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// With which certificate peers are met, and which they must show.
#[derive(Clone)]
pub(super) struct Credentials {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// A connection to a peer. Dropping it closes it.
pub(super) struct Link {
    requests: http1::SendRequest<Outgoing>,
    name: String,
    connection: AbortHandle,
}

impl Credentials {
    /// Those of the relay's identity, which must have a name.
    pub(super) fn of(identity: &Identity) -> Option<Self> {
        Some(Self { config: Arc::clone(&identity.client), name: identity.name.clone()? })
    }
}

impl Link {
    /// Connects.
    pub(super) async fn to(address: SocketAddr, credentials: &Credentials) -> io::Result<Self> {
        timeout(CONNECT, Self::connect(address, credentials)).await?
    }

    async fn connect(address: SocketAddr, credentials: &Credentials) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::clone(&credentials.config)).connect(credentials.name.clone(), stream).await?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // How it ends is seen by who waits for an answer.
        let connection = tokio::spawn(async { drop(connection.await) }).abort_handle();
        Ok(Self { requests, name: credentials.name.to_str().into_owned(), connection })
    }

    /// Whether it can be used again, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.requests.is_closed()
    }

    /// Sends one message, and hears the answer.
    pub(super) async fn put(&mut self, id: MessageId, body: Outgoing) -> io::Result<StatusCode> {
        let request = Request::builder().method(Method::PUT).uri(format!("/handover/{id}")).header(HOST, &self.name).body(body);
        self.requests.ready().await.map_err(io::Error::other)?;
        let response = self.requests.send_request(request.map_err(io::Error::other)?).await;
        Ok(response.map_err(io::Error::other)?.status())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
