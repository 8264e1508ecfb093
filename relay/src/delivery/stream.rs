//! A connection in clear or in TLS.

use std::{
    io::{self, BufRead as _},
    pin::Pin,
    task::{Context, Poll},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use rustls::ProtocolVersion;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::metrics::Encryption;

/// A connection to a next hop.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether the peer has neither sent anything nor closed, as far as this machine has heard. Asks the kernel, not the event loop, which may
    /// be behind, and does not wait.
    pub(super) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Clear(tcp) => is_silent(tcp),
            Self::Tls(tls) => {
                let (tcp, session) = tls.get_mut();
                let nothing_decrypted = matches!(session.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
                nothing_decrypted && is_silent(tcp)
            }
        }
    }

    /// How it is encrypted, for metrics and logs.
    pub(super) fn encryption(&self) -> Encryption {
        match self {
            Self::Clear(_) => Encryption::None,
            Self::Tls(tls) if tls.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_3) => Encryption::Tls13,
            Self::Tls(_) => Encryption::Tls12,
        }
    }
}

fn is_silent(tcp: &TcpStream) -> bool {
    recv(tcp, &mut [0; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT).is_err_and(|error| error == Errno::AGAIN)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
