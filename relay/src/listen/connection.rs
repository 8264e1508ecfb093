//! What a session is given.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::{Client, Clients, Origin, Permit};
use crate::{
    policy::{Credentials, Identity},
    snapshot::{Door, Snapshot},
    tls::{self, Facts, HandshakeError},
};

/// The client of a rehearsal: an address for documentation (RFC 5737), which no real client has.
const REHEARSED: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 25);

/// Everything that is known of a connection besides its bytes. Dropping it gives its place to another client.
pub struct Connection {
    /// Who is at the other end.
    pub client: Client,
    /// Where it came in.
    pub door: Arc<Door>,
    /// The configuration at the time it was taken.
    pub snapshot: Arc<Snapshot>,
    /// What the TLS handshake agreed on, once there was one.
    pub tls: Option<Facts>,
    /// Its place within the limits, which also counts the messages of its client.
    pub permit: Permit,
    /// Whose address the client comes with.
    pub origin: Origin,
    /// Cancelled when the relay is to end: finish the transaction, then say 421.
    pub draining: CancellationToken,
    pub(super) sighting: Sighting,
    pub(super) tls_metrics: tls::Metrics,
}

/// Counts the client of a connection when it begins its first message: who only knocks says nothing of the way that mail takes.
pub(super) struct Sighting {
    clients: Clients,
    origin: Origin,
    is_counted: AtomicBool,
}

impl Sighting {
    pub(super) fn new(clients: Clients, origin: Origin) -> Self {
        Self { clients, origin, is_counted: AtomicBool::new(false) }
    }
}

impl Connection {
    /// Notes that the client begins a message.
    pub fn begins_mail(&self) {
        if !self.sighting.is_counted.swap(true, Ordering::Relaxed) {
            self.sighting.clients.count(self.sighting.origin);
        }
    }

    /// Who the client is, if the listener trusts it, with what the handshake showed. An address that anyone may come with shows nothing.
    #[must_use]
    pub fn trusted_as(&self, tls: Option<&Facts>) -> Option<Identity> {
        let address = (self.origin == Origin::Own).then(|| self.client.address.ip());
        let certificate_names = tls.map_or(&[][..], |facts| &facts.client_names);
        self.door.trust.as_ref()?.identify(&Credentials { address, certificate_names })
    }

    /// Makes the TLS handshake, with the certificates of the connection's snapshot.
    pub async fn handshake<IO>(&self, stream: IO) -> Result<(TlsStream<IO>, Facts), HandshakeError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        self.door.tls.accept(stream, &self.tls_metrics).await
    }

    /// A connection that no client made: a rehearsal of `door` as `snapshot` has it, in memory.
    #[must_use]
    pub fn rehearsal(snapshot: &Arc<Snapshot>, door: &Arc<Door>, permit: Permit) -> Self {
        Self {
            client: Client::direct(REHEARSED),
            door: Arc::clone(door),
            snapshot: Arc::clone(snapshot),
            tls: None,
            permit,
            draining: CancellationToken::new(),
            origin: Origin::Own,
            sighting: Sighting::new(Clients::default(), Origin::Own),
            tls_metrics: tls::Metrics::default(),
        }
    }
}

/// Speaks SMTP on connections.
pub trait Serve: Send + Sync + 'static {
    /// Speaks on one connection to its end. When the listener's TLS is implicit, `stream` is a TLS stream, and `connection.tls` is set.
    fn serve<IO>(&self, stream: IO, connection: Connection) -> impl Future<Output = ()> + Send
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static;
}
