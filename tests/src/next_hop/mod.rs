//! A next hop that follows a script: it takes mail, and does wrong exactly where a test tells it to.
//!
//! A test gives it a function that is asked before each step, and says what to do there: go on, answer something else, close, or say nothing.

mod record;
mod serve;

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use rustls::ServerConfig;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

pub use record::{Message, Record};

/// Where a next hop is in its dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Before the banner.
    Banner,
    /// At EHLO.
    Ehlo,
    /// At STARTTLS.
    StartTls,
    /// When the client has begun its TLS handshake.
    Handshake,
    /// At AUTH, and at each response to a challenge of it.
    Auth,
    /// At MAIL.
    Mail,
    /// At RCPT.
    Rcpt,
    /// At DATA.
    Data,
    /// After 354, before anything of the content is read.
    Content,
    /// When the content has come to its end.
    EndOfData,
    /// When the end of data is answered: what it does while nobody asks anything.
    Idle,
    /// At RSET.
    Rset,
    /// At QUIT, and at anything else.
    Other,
}

/// One step, as the script sees it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where it is.
    pub at: At,
    /// The command line without CRLF; empty where there is none.
    pub line: String,
    /// How many connections there were before this one.
    pub connection: usize,
    /// How many messages were taken on this connection.
    pub taken: usize,
    /// Whether TLS is up.
    pub is_tls: bool,
}

/// What a next hop does at a step.
#[derive(Clone, Debug)]
pub enum Act {
    /// What a good server does.
    Comply,
    /// Answers with these lines, parted by `\n`, and goes on.
    Say(String),
    /// Writes exactly these bytes, and goes on as if it had said yes.
    Write(Vec<u8>),
    /// Does what a good server does, byte by byte, with a pause before each.
    Whisper(Duration),
    /// Answers with these lines and closes.
    SayAndClose(String),
    /// Closes without a word.
    Close,
    /// Neither reads nor writes any more, and keeps the connection open.
    Hang,
    /// Waits until the test says so, and does this then.
    When(Arc<Notify>, Box<Self>),
}

impl Act {
    /// Answers with these lines.
    #[must_use]
    pub fn say(reply: &str) -> Self {
        Self::Say(reply.to_owned())
    }

    /// Answers with these lines and closes.
    #[must_use]
    pub fn say_and_close(reply: &str) -> Self {
        Self::SayAndClose(reply.to_owned())
    }
}

type Decide = dyn Fn(&Asked) -> Act + Send + Sync;

/// What a next hop offers, and what it does at each step.
#[derive(Clone)]
pub struct Script {
    extensions: Vec<String>,
    tls: Option<Arc<ServerConfig>>,
    decide: Arc<Decide>,
}

impl Script {
    /// A good server that offers PIPELINING, 8BITMIME, SMTPUTF8 and ENHANCEDSTATUSCODES, but for what `decide` says.
    pub fn new(decide: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> Self {
        let extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"].map(str::to_owned).to_vec();
        Self { extensions, tls: None, decide: Arc::new(decide) }
    }

    /// A server that does nothing wrong.
    #[must_use]
    pub fn good() -> Self {
        Self::new(|_| Act::Comply)
    }

    /// A server that does one thing wrong, on every connection.
    #[must_use]
    pub fn fault(at: At, act: Act) -> Self {
        Self::new(move |asked| if asked.at == at { act.clone() } else { Act::Comply })
    }

    /// Offers these extensions and no others but STARTTLS.
    #[must_use]
    pub fn offering(mut self, extensions: &[&str]) -> Self {
        self.extensions = extensions.iter().map(ToString::to_string).collect();
        self
    }

    /// Offers STARTTLS.
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Offers AUTH with these mechanisms, parted by spaces, in TLS and in clear. Whatever it is shown is right, but for what the script says.
    #[must_use]
    pub fn with_auth(mut self, mechanisms: &str) -> Self {
        self.extensions.push(format!("AUTH {mechanisms}"));
        self
    }

    /// Starts the server on a port of 127.0.0.1 that the kernel chooses.
    pub async fn start(self) -> Result<NextHop> {
        self.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts the server on an address.
    pub async fn listen(self, address: SocketAddr) -> Result<NextHop> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let record = Record::default();
        let accepting = tokio::spawn(accept(listener, self, record.clone()));
        Ok(NextHop { address, record, accepting })
    }

    fn ehlo_reply(&self, is_tls: bool) -> String {
        let start_tls = (self.tls.is_some() && !is_tls).then_some("STARTTLS");
        let lines = ["next-hop.test"].into_iter().chain(self.extensions.iter().map(String::as_str)).chain(start_tls);
        format!("250 {}", lines.collect::<Vec<_>>().join("\n"))
    }
}

/// A next hop that runs. Dropping it stops it, and closes its connections.
pub struct NextHop {
    address: SocketAddr,
    record: Record,
    accepting: JoinHandle<()>,
}

impl NextHop {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What came so far.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}

impl Drop for NextHop {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, script: Script, record: Record) {
    // Ends with this future, and all sessions with it.
    let mut sessions = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        let number = record.connected();
        let session = serve::serve(tcp, number, script.clone(), record.clone());
        let record = record.clone();
        sessions.spawn(async move {
            session.await;
            record.ended();
        });
        while sessions.try_join_next().is_some() {}
    }
}

/// `250 a\nb` as it goes on the wire: `250-a`, `250 b`.
fn wire(reply: &str) -> Vec<u8> {
    let (code, text) = reply.split_at(reply.len().min(3));
    let mut lines = text.trim_start_matches(' ').split('\n').peekable();
    let mut out = Vec::new();
    while let Some(line) = lines.next() {
        let separator = if lines.peek().is_some() { '-' } else { ' ' };
        // Writing to a Vec can't fail.
        let _ = write!(out, "{code}{separator}{line}\r\n");
    }
    out
}
