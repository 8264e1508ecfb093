//! A GET for the ports of relay and operator.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::poll;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Asks for `path`.
pub async fn get(address: SocketAddr, path: &str) -> Result<Response> {
    poll::within("an HTTP response", exchange(address, path)).await?.with_context(|| format!("GET http://{address}{path}"))
}

/// The body of `path` as JSON; fails unless the status is 200.
pub async fn get_json(address: SocketAddr, path: &str) -> Result<serde_json::Value> {
    let response = get(address, path).await?;
    anyhow::ensure!(response.status == 200, "GET {path}: {} {}", response.status, response.body);
    serde_json::from_str(&response.body).with_context(|| format!("GET {path}: {}", response.body))
}

/// Asks for `path` over TLS, as `client` does it, of a server that must show a certificate for `name`.
pub async fn get_tls(address: SocketAddr, name: &str, client: Arc<ClientConfig>, path: &str) -> Result<Response> {
    let exchanged = async {
        let stream = TcpStream::connect(address).await?;
        let stream = TlsConnector::from(client).connect(ServerName::try_from(name.to_owned())?, stream).await?;
        ask(stream, name, path).await
    };
    poll::within("an HTTPS response", exchanged).await?.with_context(|| format!("GET https://{address}{path}"))
}

async fn exchange(address: SocketAddr, path: &str) -> Result<Response> {
    ask(TcpStream::connect(address).await?, &address.to_string(), path).await
}

/// HTTP/1.0, so that the body is neither chunked nor followed by another response.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str, path: &str) -> Result<Response> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").context("a response without an end of its header")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a response without a status")?;
    Ok(Response { status, body: body.to_owned() })
}
