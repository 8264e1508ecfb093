//! A GET for the admin port.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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

/// HTTP/1.0, so that the body is neither chunked nor followed by another response.
async fn exchange(address: SocketAddr, path: &str) -> Result<Response> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let (head, body) = response.split_once("\r\n\r\n").context("a response without an end of its header")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a response without a status")?;
    Ok(Response { status, body: body.to_owned() })
}
