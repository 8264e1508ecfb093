//! One connection to the relay.

use std::{io, sync::Arc, time::Duration};

use postern_proto::{
    client::{CommandError, Event, Session, To},
    reply::Reply,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Trouble;

/// How long a connection may take. A Service that has no pods yet may swallow what is sent to it.
const CONNECT: Duration = Duration::from_secs(5);
/// How long any answer may take, and the handshake.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection with the session on it.
pub(super) struct Talk<IO> {
    io: IO,
    session: Session,
}

impl Talk<TcpStream> {
    /// Connects to `relay`, `HOST:PORT`, and hears its banner.
    pub(super) async fn connect(relay: &str) -> Result<Self, Trouble> {
        let connected = timeout(CONNECT, TcpStream::connect(relay)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
        let io = connected.map_err(|error| Trouble::Connect { relay: relay.to_owned(), error })?;
        let mut talk = Self { io, session: Session::new() };
        talk.ask(To::Connect, |_| Ok(())).await?;
        Ok(talk)
    }

    /// Goes to TLS with a relay that `trust` vouches for as `server_name`.
    pub(super) async fn secure(
        mut self,
        trust: &Arc<ClientConfig>,
        server_name: &ServerName<'static>,
    ) -> Result<Talk<TlsStream<TcpStream>>, Trouble> {
        self.ask(To::StartTls, Session::starttls).await?;
        let handshake = timeout(PATIENCE, TlsConnector::from(Arc::clone(trust)).connect(server_name.clone(), self.io)).await;
        let io = handshake.unwrap_or(Err(io::ErrorKind::TimedOut.into())).map_err(Trouble::Handshake)?;
        Ok(Talk { io, session: self.session.into_tls() })
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Talk<IO> {
    /// Says `command`, and hears the answer `to` it. A negative one is a trouble.
    pub(super) async fn ask(&mut self, to: To, command: impl FnOnce(&mut Session) -> Result<(), CommandError>) -> Result<Reply, Trouble> {
        command(&mut self.session)?;
        let reply = timeout(PATIENCE, self.hear()).await.unwrap_or(Err(Trouble::Silent { to, patience: PATIENCE }))?;
        if reply.is_positive() { Ok(reply) } else { Err(Trouble::Refused { to, reply }) }
    }

    async fn hear(&mut self) -> Result<Reply, Trouble> {
        let queued = self.session.output().len();
        self.io.write_all(self.session.output()).await?;
        self.io.flush().await?;
        self.session.sent(queued);
        loop {
            if let Event::Reply(_, reply) = self.session.step()? {
                return Ok(reply);
            }
            if self.io.read_buf(self.session.input()).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}
