//! The mail server behind the relay, as far as one mail needs it.

use std::{
    io, mem,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use postern_config::{ServerTls, TlsVersion};
use postern_proto::{
    reply::Reply,
    server::{AuthOffer, Offer, Session, Settings, Step, TlsOffer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::AbortOnDropHandle;

use super::ProbeError;
use crate::{
    listen,
    tls::{Acceptor, Metrics},
};

/// Its certificate in the folder of material.
const CERTIFICATE: &str = "mail";
/// What it calls itself (RFC 2606 section 2).
const HOSTNAME: &str = "mail.invalid";
/// The largest message, in bytes.
const MAX_MESSAGE_BYTES: u64 = 64 * 1024;
/// Connections at once: anyone in the cluster may come.
const MAX_CONNECTIONS: usize = 16;

/// A server that takes any mail over TLS, and none in clear, while this lives: what a relay lets through shows here.
pub(super) struct MailServer {
    shared: Arc<Shared>,
    _accepting: AbortOnDropHandle<()>,
}

struct Shared {
    settings: Arc<Settings>,
    acceptor: Acceptor,
    /// The last one, so that a stranger can't fill this.
    taken: Mutex<Option<Taken>>,
}

/// A mail that was taken.
pub(super) struct Taken {
    pub(super) content: Vec<u8>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub(super) tls_version: &'static str,
}

/// How a stretch of a session ended.
enum Ended {
    StartTls,
    Closed,
}

impl MailServer {
    /// Opens it on `address`, with the certificate in `material`.
    pub(super) fn open(address: SocketAddr, material: &Path) -> Result<Self, ProbeError> {
        let tls = ServerTls { min_version: TlsVersion::V1_2, certificates: vec![CERTIFICATE.to_owned()] };
        let offer = Offer {
            hostname: HOSTNAME.to_owned(),
            max_message_bytes: MAX_MESSAGE_BYTES,
            max_recipients: 1,
            tls: TlsOffer::Required,
            one_next_hop_per_transaction: false,
            auth: AuthOffer::Never,
            dsn: false,
        };
        let shared = Arc::new(Shared {
            settings: Arc::new(Settings::new(offer)),
            acceptor: Acceptor::load(material, &tls)?,
            taken: Mutex::default(),
        });
        let listener = listen::listen(address).map_err(ProbeError::Listen)?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { shared, _accepting: AbortOnDropHandle::new(accepting) })
    }

    /// The mail that it took last. A relay's answer to the sender is that of the server behind it, so a mail that was answered is here.
    pub(super) fn last_mail(&self) -> Result<Taken, ProbeError> {
        self.shared.taken.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or(ProbeError::NotArrived)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // A connection that can't be accepted is tried again by whoever made it.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        if let Ok((tcp, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                // How a session ends is the relay's to tell: the probe hears of it in the reply to its own.
                let _ = shared.serve(tcp).await;
                drop(place);
            });
        }
    }
}

impl Shared {
    async fn serve(&self, mut tcp: TcpStream) -> io::Result<()> {
        let mut session = Session::new(Arc::clone(&self.settings));
        if let Ended::Closed = self.converse(&mut tcp, &mut session, None).await? {
            return Ok(());
        }
        let (mut tls, facts) = self.acceptor.accept(tcp, &Metrics::default()).await.map_err(io::Error::other)?;
        self.converse(&mut tls, &mut session.into_tls(), Some(facts.version)).await?;
        Ok(())
    }

    /// Speaks until the client goes to TLS or leaves. `tls_version` is that of the connection.
    async fn converse<IO>(&self, io: &mut IO, session: &mut Session, tls_version: Option<&'static str>) -> io::Result<Ended>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut content = Vec::new();
        loop {
            match session.step() {
                Step::Read => {
                    flush(io, session).await?;
                    if io.read_buf(session.input()).await? == 0 {
                        return Ok(Ended::Closed);
                    }
                }
                Step::Flush => flush(io, session).await?,
                // It offers no AUTH.
                Step::Auth(_, turn) | Step::AuthResponse(_, turn) => session.answer(turn, Reply::new(502, (5, 1), "No")),
                Step::Mail(_, turn) | Step::Rcpt(_, turn) | Step::Content(turn) => session.answer(turn, Reply::new(250, (0, 0), "Ok")),
                Step::Body(piece) => content.extend_from_slice(piece),
                Step::Message(turn) => {
                    let reply = self.take(mem::take(&mut content), tls_version);
                    session.answer(turn, reply);
                }
                Step::Discard(_) => content.clear(),
                Step::NeedsTls(_) | Step::AuthCancelled => {}
                Step::StartTls => {
                    flush(io, session).await?;
                    return Ok(Ended::StartTls);
                }
                Step::Close => {
                    flush(io, session).await?;
                    io.shutdown().await?;
                    return Ok(Ended::Closed);
                }
            }
        }
    }

    fn take(&self, content: Vec<u8>, tls_version: Option<&'static str>) -> Reply {
        let Some(tls_version) = tls_version else { return Reply::new(530, (7, 0), "Must issue a STARTTLS command first") };
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Taken { content, tls_version });
        Reply::new(250, (0, 0), "Taken")
    }
}

async fn flush<IO: AsyncWrite + Unpin>(io: &mut IO, session: &mut Session) -> io::Result<()> {
    let queued = session.output().len();
    io.write_all(session.output()).await?;
    io.flush().await?;
    session.sent(queued);
    Ok(())
}
