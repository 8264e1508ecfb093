//! Asks a pod for its state, over TLS in which both sides show certificates of the operator's identity CA.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use postern_config::validate::CONTROL_PORT;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::Answer;

/// How long a pod may take to answer, with all that it takes to connect.
const DEADLINE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Why a pod did not answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The operator has no certificate to show yet.
    #[error("the operator has no identity yet")]
    NoIdentity,
    /// It took too long.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    TimedOut,
    /// There is no connection.
    #[error("can't connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The name is none that a certificate can hold.
    #[error("the relay's name is not valid in a certificate: {0}")]
    Name(#[from] rustls::pki_types::InvalidDnsNameError),
    /// The pod does not speak HTTP.
    #[error("HTTP fails: {0}")]
    Http(#[from] hyper::Error),
    /// The request can't be made.
    #[error("the request can't be made: {0}")]
    Request(#[from] hyper::http::Error),
    /// It says that it does not answer this.
    #[error("the pod answers {0}")]
    Status(hyper::StatusCode),
    /// The answer is too long, or breaks off.
    #[error("the answer can't be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not what it should be.
    #[error("the answer is not a relay's: {0}")]
    Form(#[from] serde_json::Error),
}

/// Asks the pod at `address`, which must show a certificate for `name`.
pub(super) async fn ask(address: IpAddr, name: &str, tls: Arc<ClientConfig>) -> Result<Answer, AskError> {
    timeout(DEADLINE, ask_patiently(address, name, tls)).await.unwrap_or(Err(AskError::TimedOut))
}

async fn ask_patiently(address: IpAddr, name: &str, tls: Arc<ClientConfig>) -> Result<Answer, AskError> {
    let stream = TcpStream::connect((address, CONTROL_PORT)).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(tls).connect(ServerName::try_from(name.to_owned())?, stream).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/status").header(HOST, name).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(AskError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(AskError::Body)?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    tokio::pin!(exchange);
    // The connection does the work of the exchange, and ends with it.
    tokio::select! {
        answer = &mut exchange => answer,
        ended = connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error.into()),
        },
    }
}
