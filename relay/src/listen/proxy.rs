//! The PROXY protocol, versions 1 and 2: a proxy in front tells who the client is.
//!
//! The specification is `proxy-protocol.txt` of `HAProxy`; sections are its own.

use std::{io, net::SocketAddr, time::Duration};

use postern_config::ProxyProtocol;
use proxy_protocol_rs::{InvalidReason, ParseError, ProxyInfo, TransportProtocol, parse};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{Client, client::canonical};

/// How long a proxy may take for its header.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest header, in bytes. Version 1 is at most 107 (section 2.1); version 2 may carry a client certificate among its additions.
const MOST_BYTES: usize = 4096;
/// Length of the fixed part of version 2 (section 2.2).
const V2_FIXED: usize = 16;

/// Why a connection to a listener with PROXY protocol is closed.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The peer is none of the listed proxies.
    #[error("the peer is not a trusted proxy")]
    Untrusted,
    /// The connection begins with something else.
    #[error("the connection does not begin with a PROXY header")]
    Missing,
    /// The header breaks the specification.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(ParseError),
    /// The header is longer than any that makes sense here.
    #[error("the PROXY header is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// The header was not there in time.
    #[error("no PROXY header within {} s", DEADLINE.as_secs())]
    Timeout,
    /// The connection ended within the header or before it, as with a health check.
    #[error("the connection ended before its PROXY header: {0}")]
    Closed(io::Error),
}

/// Reads the header, which must be there, from `stream`; what follows it is left for the session.
pub(super) async fn client(stream: &mut TcpStream, peer: SocketAddr, rule: &ProxyProtocol) -> Result<Client, ProxyError> {
    let address = canonical(peer).ip();
    if !rule.trusted_cidrs.iter().any(|network| network.contains(&address)) {
        return Err(ProxyError::Untrusted);
    }
    let source = timeout(DEADLINE, read(stream)).await.map_err(|_| ProxyError::Timeout)??;
    Ok(source.map_or_else(|| Client::direct(peer), |source| Client::proxied(source, peer)))
}

/// The client's address; `None` when the proxy speaks for itself or does not know.
async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyError> {
    let mut header = Vec::new();
    loop {
        let taken = header.len();
        peek_to(stream, &mut header).await.map_err(ProxyError::Closed)?;
        let outcome = inspect(&header)?;
        let ours = match &outcome {
            Inspected::Whole { length, .. } => *length,
            Inspected::Incomplete => header.len(),
        };
        header.truncate(ours);
        stream.read_exact(&mut header[taken..]).await.map_err(ProxyError::Closed)?;
        if let Inspected::Whole { source, .. } = outcome {
            return Ok(source);
        }
    }
}

/// Appends what has arrived, at least a byte, and leaves it in the socket.
async fn peek_to(stream: &TcpStream, header: &mut Vec<u8>) -> io::Result<()> {
    let taken = header.len();
    header.resize(MOST_BYTES + 1, 0);
    let arrived = stream.peek(&mut header[taken..]).await?;
    header.truncate(taken + arrived);
    if arrived == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}

#[derive(Debug, PartialEq, Eq)]
enum Inspected {
    Incomplete,
    Whole { length: usize, source: Option<SocketAddr> },
}

/// What the first bytes of a connection are.
fn inspect(bytes: &[u8]) -> Result<Inspected, ProxyError> {
    match parse(bytes) {
        Ok((info, length)) => Ok(Inspected::Whole { length, source: source(&info) }),
        Err(ParseError::Incomplete) if declared_length(bytes) > MOST_BYTES || bytes.len() > MOST_BYTES => Err(ProxyError::TooLong),
        Err(ParseError::Incomplete) => Ok(Inspected::Incomplete),
        // An unknown family may come with the command PROXY (section 2.2); it tells nothing.
        Err(ParseError::Invalid(InvalidReason::UnspecWithProxy)) => Ok(Inspected::Whole { length: declared_length(bytes), source: None }),
        Err(ParseError::NotProxyProtocol) => Err(ProxyError::Missing),
        Err(error) => Err(ProxyError::Malformed(error)),
    }
}

fn source(info: &ProxyInfo) -> Option<SocketAddr> {
    let is_stream = info.transport.is_some_and(|transport| transport.protocol == TransportProtocol::Stream);
    info.source_inet().filter(|_| is_stream)
}

/// Length of a header of version 2 as it says itself; 0 when it does not say yet, and for version 1.
fn declared_length(bytes: &[u8]) -> usize {
    match bytes {
        [0x0d, .., high, low] if bytes.len() == V2_FIXED => V2_FIXED + usize::from(u16::from_be_bytes([*high, *low])),
        [0x0d, ..] => bytes.first_chunk::<V2_FIXED>().map_or(0, |fixed| declared_length(fixed)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A stranger's bytes never panic, are never longer than the bound when they are waited for, and never end behind what is there.
        #[test]
        fn any_bytes_are_taken_or_refused(begin in prop::sample::select(vec![&b""[..], b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"]), rest: Vec<u8>) {
            let bytes = [begin, &rest].concat();
            match inspect(&bytes) {
                Ok(Inspected::Whole { length, .. }) => prop_assert!(length <= bytes.len()),
                Ok(Inspected::Incomplete) => prop_assert!(bytes.len() <= MOST_BYTES),
                Err(_) => {}
            }
        }
    }
}
