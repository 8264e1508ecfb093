//! A raw SMTP client: it sends exactly the bytes that a test gives it, and reads replies with a deadline.

use std::{fmt, net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    pki::{self, Authority},
    poll,
};

/// Whom a client trusts, and the name that it asks for.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Trust {
    /// Trusts `authority` alone, and expects a certificate for `name`.
    pub fn new(authority: &Authority, name: &str) -> Result<Self> {
        Ok(Self { config: authority.client_config()?, name: ServerName::try_from(name.to_owned())? })
    }

    /// Trusts the authorities in `pem` alone, and expects a certificate for `name`.
    pub fn of_pem(pem: &str, name: &str) -> Result<Self> {
        Ok(Self { config: pki::client_config_of_pem(pem)?, name: ServerName::try_from(name.to_owned())? })
    }
}

/// A reply: all its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code, 200 to 599.
    pub code: u16,
    /// The text of each line, without code and separator.
    pub lines: Vec<String>,
}

impl Reply {
    /// Whether the code is 2xx or 3xx.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// The enhanced status code (RFC 2034) of the first line, when it has one.
    #[must_use]
    pub fn enhanced(&self) -> Option<&str> {
        let word = self.lines.first()?.split(' ').next()?;
        let numbers = word.split('.').filter(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())).count();
        (numbers == 3 && word.split('.').count() == 3).then_some(word)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// One line of a reply.
struct ReplyLine {
    code: u16,
    more: bool,
    text: String,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to a server. It says nothing by itself: even the banner is read by the test.
pub struct Client {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
    certificate: Option<CertificateDer<'static>>,
}

impl Client {
    /// Connects; nothing is read yet.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = poll::within("a connection", TcpStream::connect(address)).await?.with_context(|| address.to_string())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: Box::new(stream), received: Vec::new(), certificate: None })
    }

    /// Connects with TLS from the first byte (RFC 8314).
    pub async fn connect_tls(address: SocketAddr, trust: &Trust) -> Result<Self> {
        Self::connect(address).await?.handshake(trust).await
    }

    /// Connects, reads the banner, goes to TLS by STARTTLS and says EHLO again: ready for MAIL.
    pub async fn ready(address: SocketAddr, trust: &Trust) -> Result<Self> {
        Self::connect(address).await?.greeted(trust).await
    }

    /// Reads the banner, goes to TLS by STARTTLS and says EHLO again: ready for MAIL.
    pub async fn greeted(mut self, trust: &Trust) -> Result<Self> {
        self.expect(220).await?;
        self.ask("EHLO client.test", 250).await?;
        let mut client = self.starttls(trust).await?;
        client.ask("EHLO client.test", 250).await?;
        Ok(client)
    }

    /// Logs in by AUTH PLAIN (RFC 4616).
    pub async fn log_in(&mut self, user: &str, password: &str) -> Result<()> {
        let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        self.ask(&format!("AUTH PLAIN {response}"), 235).await.map(drop)
    }

    /// Sends STARTTLS, expects 220 and shakes hands.
    pub async fn starttls(mut self, trust: &Trust) -> Result<Self> {
        self.ask("STARTTLS", 220).await?;
        self.handshake(trust).await
    }

    /// Shakes hands at once, whatever was said before.
    pub async fn handshake(self, trust: &Trust) -> Result<Self> {
        ensure!(self.received.is_empty(), "the server spoke before the handshake: {:?}", String::from_utf8_lossy(&self.received));
        let connector = TlsConnector::from(Arc::clone(&trust.config));
        let stream: TlsStream<_> = poll::within("a TLS handshake", connector.connect(trust.name.clone(), self.stream)).await??;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.clone().into_owned());
        Ok(Self { stream: Box::new(stream), received: Vec::new(), certificate })
    }

    /// The certificate that the server showed in TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }

    /// Sends `bytes` as they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        poll::within("the server to read", async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        })
        .await?
        .context("while sending")
    }

    /// Sends a command line and reads its reply.
    pub async fn command(&mut self, line: &str) -> Result<Reply> {
        self.send(format!("{line}\r\n")).await?;
        self.reply().await.with_context(|| format!("after {line:?}"))
    }

    /// Sends a command line and fails unless the reply has `code`.
    pub async fn ask(&mut self, line: &str, code: u16) -> Result<Reply> {
        let reply = self.command(line).await?;
        ensure!(reply.code == code, "{line:?} was answered {reply}, not {code}");
        Ok(reply)
    }

    /// Reads a reply and fails unless it has `code`.
    pub async fn expect(&mut self, code: u16) -> Result<Reply> {
        let reply = self.reply().await?;
        ensure!(reply.code == code, "the server said {reply}, not {code}");
        Ok(reply)
    }

    /// Reads the next reply, all its lines.
    pub async fn reply(&mut self) -> Result<Reply> {
        let mut line = self.reply_line().await?;
        let mut reply = Reply { code: line.code, lines: vec![line.text] };
        while line.more {
            line = self.reply_line().await?;
            ensure!(line.code == reply.code, "a reply changes its code from {} to {}", reply.code, line.code);
            reply.lines.push(line.text);
        }
        Ok(reply)
    }

    /// A whole message in an open transaction: DATA, the content (CRLF and dot-stuffing are the caller's), the dot.
    pub async fn data(&mut self, content: &str) -> Result<Reply> {
        self.ask("DATA", 354).await?;
        self.send(content).await?;
        self.command(".").await
    }

    /// A whole transaction with one recipient; the first negative reply, or that to the dot.
    pub async fn mail(&mut self, from: &str, to: &str, content: &str) -> Result<Reply> {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>")] {
            let reply = self.command(&line).await?;
            if !reply.is_positive() {
                return Ok(reply);
            }
        }
        self.data(content).await
    }

    /// Waits for the server to close, and fails when it says anything before.
    pub async fn closed(&mut self) -> Result<()> {
        ensure!(self.received.is_empty(), "unread: {:?}", String::from_utf8_lossy(&self.received));
        let mut rest = Vec::new();
        // A reset, or TLS without a close_notify, is a close too.
        let _ = poll::within("the server to close", self.stream.read_to_end(&mut rest)).await?;
        ensure!(rest.is_empty(), "the server said {:?} before it closed", String::from_utf8_lossy(&rest));
        Ok(())
    }

    async fn reply_line(&mut self) -> Result<ReplyLine> {
        let line = self.line().await?;
        let malformed = || anyhow!("not a reply: {line:?}");
        let code = line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code)).ok_or_else(malformed)?;
        let more = match line.as_bytes().get(3) {
            Some(b'-') => true,
            Some(b' ') | None => false,
            Some(_) => return Err(malformed()),
        };
        Ok(ReplyLine { code, more, text: line.get(4..).unwrap_or_default().to_owned() })
    }

    /// One line without its CRLF.
    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.received.windows(2).position(|pair| pair == b"\r\n") {
                let rest = self.received.split_off(end + 2);
                let mut line = std::mem::replace(&mut self.received, rest);
                line.truncate(end);
                return String::from_utf8(line).context("a reply that is not UTF-8");
            }
            if poll::within("a reply", self.stream.read_buf(&mut self.received)).await?.context("while waiting for a reply")? == 0 {
                bail!("the server closed the connection instead of replying");
            }
        }
    }
}
