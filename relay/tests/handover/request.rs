//! A request of a peer, made by hand.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use postern_spool::Entry;
use postern_tests::poll;
use rustls::ClientConfig;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::pod::IDENTITY;

/// A head as it is on the wire.
pub(crate) fn head(entry: &Entry, content: &[u8]) -> Value {
    json!({
        "version": 1,
        "envelope": entry.envelope(),
        "statuses": entry.statuses(),
        "held": false,
        "contentBytes": content.len(),
    })
}

/// The body with this head and content.
pub(crate) fn body(head: &Value, content: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(head).unwrap();
    let mut body = u32::try_from(head.len()).unwrap().to_be_bytes().to_vec();
    body.extend(head);
    body.extend(content);
    let digest = Sha256::digest(&body);
    body.extend(digest);
    body
}

/// Sends it, and gives the status; an error when there was no answer.
pub(crate) async fn put(address: SocketAddr, client: &Arc<ClientConfig>, id: &str, body: &[u8]) -> Result<u16> {
    let exchanged = async {
        let stream = TcpStream::connect(address).await?;
        let mut stream = TlsConnector::from(Arc::clone(client)).connect(IDENTITY.try_into()?, stream).await?;
        let head = format!("PUT /handover/{id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut response = Vec::new();
        // Who refuses early may close before it has read all; the answer is there all the same.
        let read = stream.read_to_end(&mut response).await;
        let response = String::from_utf8_lossy(&response).into_owned();
        read.map(drop).or_else(|error| if response.is_empty() { Err(error) } else { Ok(()) })?;
        response.split(' ').nth(1).context("no status")?.parse().context("no number")
    };
    poll::within("an answer", exchanged).await?
}
