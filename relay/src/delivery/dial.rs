//! Makes a connection to a next hop: TCP, banner, EHLO, TLS, AUTH.

use std::{net::SocketAddr, sync::Arc};

use postern_config::NextHopTlsMode;
use postern_proto::client::{Extension, Session};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use tracing::info;

use super::{
    connection::Connection,
    deadlines::Limit,
    fault::{Failure, Fault, Step},
    hop::Hop,
    metrics::{Metrics, Phase},
    peer::Peer,
    stream::Stream,
};

/// How one attempt uses STARTTLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StartTls {
    Required,
    IfOffered,
    Never,
}

/// Connects to `address`, up to the point where MAIL may be said, with the TLS that the hop's link asks for.
pub(super) async fn dial(hop: &Hop, address: SocketAddr, limit: &Limit, metrics: &Arc<Metrics>) -> Result<Box<Connection>, Failure> {
    let begun = Instant::now();
    let connection = match hop.link.mode {
        NextHopTlsMode::Verify | NextHopTlsMode::Encrypt => attempt(hop, address, StartTls::Required, limit, metrics).await,
        // A secret is not said in clear, so there is no connection without TLS.
        NextHopTlsMode::Opportunistic if hop.link.authenticator.is_some() => {
            attempt(hop, address, StartTls::Required, limit, metrics).await
        }
        NextHopTlsMode::Opportunistic => opportunistic(hop, address, limit, metrics).await,
    }?;
    metrics.connected(connection.stream.encryption());
    metrics.took(Phase::Connect, begun.elapsed());
    Ok(Box::new(connection))
}

/// TLS if it can be had. Where it fails, the connection is of no use any more, and a fresh one stays in clear.
async fn opportunistic(hop: &Hop, address: SocketAddr, limit: &Limit, metrics: &Arc<Metrics>) -> Result<Connection, Failure> {
    match attempt(hop, address, StartTls::IfOffered, limit, metrics).await {
        Err(failure) if matches!(failure.step, Step::StartTls | Step::Handshake) => {
            info!(next_hop = &*hop.name, %address, %failure, "TLS failed and is not required: in clear");
            attempt(hop, address, StartTls::Never, limit, metrics).await
        }
        other => other,
    }
}

async fn attempt(
    hop: &Hop,
    address: SocketAddr,
    start_tls: StartTls,
    limit: &Limit,
    metrics: &Arc<Metrics>,
) -> Result<Connection, Failure> {
    let mut connection = connect(hop, address, limit, metrics).await?;
    connection.hear(Step::Banner, limit).await?;
    ehlo(&mut connection, hop, limit).await?;
    let is_offered = connection.capabilities().offers(Extension::StartTls);
    match start_tls {
        StartTls::Required if !is_offered => Err(Step::StartTls.failed(Fault::NoStartTls)),
        StartTls::Required | StartTls::IfOffered if is_offered => secure(connection, hop, limit).await,
        _ => Ok(connection),
    }
}

async fn connect(hop: &Hop, address: SocketAddr, limit: &Limit, metrics: &Arc<Metrics>) -> Result<Connection, Failure> {
    let connected = timeout_at(limit.next(), TcpStream::connect(address)).await;
    let tcp = match connected {
        Ok(connected) => connected.and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp)).map_err(|error| Step::Connect.failed(error))?,
        Err(_) => return Err(Step::Connect.failed(Fault::TimedOut)),
    };
    Ok(Connection {
        stream: Stream::Clear(tcp),
        session: Session::new(),
        link: hop.link.fingerprint,
        peer: Peer { name: Arc::clone(&hop.name), address },
        opened: Instant::now(),
        metrics: Arc::clone(metrics),
    })
}

async fn ehlo(connection: &mut Connection, hop: &Hop, limit: &Limit) -> Result<(), Failure> {
    connection.say(Step::Ehlo, |session| session.ehlo(&hop.link.ehlo_name))?;
    connection.hear(Step::Ehlo, limit).await.map(drop)
}

async fn secure(mut connection: Connection, hop: &Hop, limit: &Limit) -> Result<Connection, Failure> {
    connection.say(Step::StartTls, Session::starttls)?;
    connection.hear(Step::StartTls, limit).await?;
    let Stream::Clear(tcp) = connection.stream else { return Ok(connection) };
    let connector = TlsConnector::from(Arc::clone(&hop.link.config));
    let handshake = timeout_at(limit.next(), connector.connect(hop.link.server_name.clone(), tcp)).await;
    let tls = match handshake {
        Ok(tls) => tls.map_err(|error| Step::Handshake.failed(Fault::of_handshake(error)))?,
        Err(_) => return Err(Step::Handshake.failed(Fault::TimedOut)),
    };
    let (stream, session) = (Stream::Tls(Box::new(tls)), connection.session.into_tls());
    let mut secured = Connection { stream, session, ..connection };
    ehlo(&mut secured, hop, limit).await?;
    if let Some(authenticator) = &hop.link.authenticator {
        authenticator.authenticate(&mut secured, limit).await?;
    }
    Ok(secured)
}
