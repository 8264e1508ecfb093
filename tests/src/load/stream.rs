//! A buffered connection, in clear or in TLS, that reads lines.

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// Longest line that a peer may send, in bytes.
const MAX_LINE: usize = 4_096;

/// Anything that bytes flow through.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection with what was read and not used yet.
pub struct Stream {
    inner: Box<dyn Duplex>,
    buffer: Vec<u8>,
}

impl Stream {
    /// Wraps a TCP connection; small writes are sent at once.
    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// Wraps anything.
    pub fn over(inner: impl Duplex + 'static) -> Self {
        Self { inner: Box::new(inner), buffer: Vec::with_capacity(MAX_LINE) }
    }

    /// Gives the bare stream back, for a handshake. What the peer sent ahead of it is an error.
    pub fn into_inner(self) -> Result<Box<dyn Duplex>> {
        ensure!(self.buffer.is_empty(), "the peer spoke before the handshake");
        Ok(self.inner)
    }

    /// Writes and flushes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes).await?;
        self.inner.flush().await?;
        Ok(())
    }

    /// Reads more into the buffer; an end is an error.
    pub async fn fill(&mut self) -> Result<()> {
        if self.inner.read_buf(&mut self.buffer).await? == 0 {
            bail!("the peer closed the connection");
        }
        Ok(())
    }

    /// The next line without its CRLF.
    pub async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n") {
                let line = std::str::from_utf8(&self.buffer[..end]).context("a line that is not UTF-8")?.to_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            ensure!(self.buffer.len() < MAX_LINE, "a line of more than {MAX_LINE} bytes");
            self.fill().await?;
        }
    }

    /// Everything up to `end`, which is taken away too; at most `limit` bytes.
    pub async fn until(&mut self, end: &[u8], limit: usize) -> Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(found) = memmem::find(&self.buffer[searched..], end) {
                let length = searched + found;
                let mut content = self.buffer.split_off(length + end.len());
                std::mem::swap(&mut content, &mut self.buffer);
                content.truncate(length);
                return Ok(content);
            }
            ensure!(self.buffer.len() < limit, "more than {limit} bytes");
            searched = self.buffer.len().saturating_sub(end.len());
            self.fill().await?;
        }
    }

    /// Waits until the peer closes; what it still says is passed over.
    pub async fn drain(&mut self) -> Result<()> {
        while self.inner.read_buf(&mut self.buffer).await? > 0 {
            self.buffer.clear();
        }
        Ok(())
    }
}
