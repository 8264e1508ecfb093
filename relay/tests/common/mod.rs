//! Sessions in memory: the real driver with a real configuration, and next hops that answer as a test says.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use postern_config::{ListenerTls, NextHopTlsMode};
use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_relay::{
    auth::{self, Authenticator},
    delivery::{self, Deliver, Destination, Outbound, Resolver},
    intake::Inlet,
    listen::{Admission, Connection, Serve},
    message::{self, Budgets, Message},
    session::{self, Service},
    snapshot::{Snapshot, Store},
    tls::Facts,
};
use postern_spool::{Body as _, Envelope, Filter, Local, Spool as _, directory::Disk};
use postern_tests::{
    config::{HOSTNAME, RelayFolder},
    pki::Authority,
};
use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// How next hops answer: to RCPT by port and mailbox, to the end of data by port.
pub type Answer = fn(port: u16, asked: &str) -> Reply;

/// Next hops that answer as a test says, and what they heard.
#[derive(Clone)]
pub struct NextHops {
    answer: Answer,
    /// How long they take for a recipient.
    delay: Duration,
    heard: Arc<Mutex<Vec<String>>>,
}

pub struct Transaction {
    next_hops: NextHops,
    port: u16,
}

impl NextHops {
    pub fn new(answer: Answer) -> Self {
        Self { answer, delay: Duration::ZERO, heard: Arc::default() }
    }

    /// What next hops heard: `2001 MAIL <…>`, `2001 RCPT <…>`, `2001 DATA …`, `2001 abandoned`.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn note(&self, port: u16, what: &str) {
        self.heard.lock().unwrap().push(format!("{port} {what}"));
    }
}

impl Deliver for NextHops {
    type Transaction = Transaction;

    fn begin(&self, mail: &MailFrom, to: &Arc<Destination>) -> Transaction {
        let port = to.target().next_hops().unwrap().hops[0].port;
        self.note(port, &format!("MAIL <{}>", mail.path));
        Transaction { next_hops: self.clone(), port }
    }
}

impl delivery::Transaction for Transaction {
    async fn rcpt(&mut self, rcpt: &RcptTo) -> Reply {
        let mailbox = rcpt.path.to_string();
        tokio::time::sleep(self.next_hops.delay).await;
        self.next_hops.note(self.port, &format!("RCPT <{mailbox}>"));
        (self.next_hops.answer)(self.port, &mailbox)
    }

    async fn deliver(self, mut message: Message) -> Reply {
        let mut content = Vec::new();
        while let Some(chunk) = message.next_chunk().await.unwrap() {
            content.extend_from_slice(chunk);
        }
        self.next_hops.note(self.port, &format!("DATA {}", String::from_utf8_lossy(&content)));
        (self.next_hops.answer)(self.port, "DATA")
    }

    fn abandon(self) {
        self.next_hops.note(self.port, "abandoned");
    }
}

/// What a handshake showed of a client with these names in its certificate.
pub fn shown(names: &[&str]) -> Facts {
    Facts {
        version: "TLSv1.3",
        cipher_suite: "TLS_AES_256_GCM_SHA384",
        group: None,
        server_name: None,
        client_names: names.iter().map(ToString::to_string).collect(),
        channel: None,
    }
}

pub const MODE: NextHopTlsMode = NextHopTlsMode::Encrypt;

/// A relay in memory, without ports.
pub struct Stage {
    pub folder: RelayFolder,
    pub configuration: Arc<Store>,
    pub next_hops: NextHops,
    /// The queue, once [`Stage::queue`] opened it.
    pub queue: Inlet<Local>,
    pub ending: CancellationToken,
    /// What the handshake showed of clients that come over TLS.
    pub tls: Option<Facts>,
    authenticator: Authenticator,
    rates: auth::Rates,
    budgets: Budgets,
    metrics: session::Metrics,
    registry: Registry,
    at: TempDir,
}

impl Stage {
    /// A relay whose configuration `change` completes: it has one listener, `mx`, that does not insist on TLS, and no domain yet.
    pub fn new(answer: Answer, change: impl FnOnce(&mut RelayFolder)) -> Self {
        let at = TempDir::new().unwrap();
        let mut folder = RelayFolder::new(&at.path().join("config")).unwrap();
        folder.listen("mx", ListenerTls::StartTlsOptional).unwrap();
        folder.show(&Authority::new("Test CA").unwrap().server(&[HOSTNAME]).unwrap()).unwrap();
        change(&mut folder);
        let budgets = Budgets::from(&folder.root.limits);
        let mut registry = Registry::default();
        let outbound = Outbound::new(Resolver::from_system().unwrap(), delivery::Metrics::register(&mut Registry::default()));
        let authenticator = Authenticator::new(auth::Metrics::register(&mut registry));
        let metrics = session::Metrics::register(&mut registry);
        let stage = Self {
            folder,
            configuration: Arc::default(),
            next_hops: NextHops::new(answer),
            queue: Inlet::new(outbound),
            ending: CancellationToken::new(),
            tls: None,
            authenticator,
            rates: auth::Rates::default(),
            budgets,
            metrics,
            registry,
            at,
        };
        stage.reload();
        stage
    }

    /// The same with a queue that is open.
    pub async fn with_queue(self) -> Self {
        let settings = postern_spool::Settings::for_quota(1 << 30);
        let directory = Disk::open(&self.at.path().join("queue")).unwrap();
        self.queue.open(Local::open(directory, settings).await.unwrap().0);
        self
    }

    /// What is in the queue: the envelope, and the content.
    pub async fn queued(&self) -> Vec<(Envelope, String)> {
        let spool = self.queue.spool().unwrap();
        let page = spool.list(&Filter::default(), None, 100).await.unwrap();
        let mut queued = Vec::new();
        for listed in page.messages {
            let mut body = spool.body(listed.entry.id()).await.unwrap();
            let mut content = String::new();
            while let Some(piece) = body.next_chunk().await.unwrap() {
                content.push_str(std::str::from_utf8(piece).unwrap());
            }
            queued.push((listed.entry.envelope().clone(), content));
        }
        queued
    }

    /// The same with next hops that take `delay` for a recipient.
    pub fn slow(mut self, delay: Duration) -> Self {
        self.next_hops.delay = delay;
        self
    }

    /// Takes what the folder says into use.
    pub fn reload(&self) {
        self.folder.write().unwrap();
        self.configuration.replace(Arc::new(Snapshot::load(self.folder.path()).unwrap()));
    }

    /// What is counted of sessions, in the text format of Prometheus.
    pub fn counts(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).unwrap();
        text
    }

    fn scratch(&self) -> &Path {
        self.at.path()
    }

    /// Begins a session; the client's end of it, past the banner.
    pub async fn connect(&self) -> Client {
        let snapshot = self.configuration.snapshot().unwrap();
        let mut connection = Connection::rehearsal(&snapshot, &snapshot.doors[0], Admission::unlimited());
        connection.tls = self.tls.clone();
        connection.draining = self.ending.clone();
        let service = Service {
            configuration: Arc::clone(&self.configuration),
            deliver: self.next_hops.clone(),
            queue: self.queue.clone(),
            authenticator: self.authenticator.clone(),
            rates: self.rates.clone(),
            store: message::Store::open(self.scratch(), self.budgets, message::Metrics::default()).unwrap(),
            metrics: self.metrics.clone(),
        };
        let (ours, stream) = duplex(64 * 1024);
        let session = tokio::spawn(async move { service.serve(ours, connection).await });
        let mut client = Client { stream, session };
        assert!(client.reply().await.starts_with("220 "));
        client
    }
}

/// A client that speaks line by line.
pub struct Client {
    stream: DuplexStream,
    session: JoinHandle<()>,
}

impl Client {
    /// The next reply, all its lines.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            while !reply[start..].ends_with("\r\n") {
                let byte = self.stream.read_u8().await.unwrap_or_else(|error| panic!("after {reply:?}: {error}"));
                reply.push(char::from(byte));
            }
            if reply.as_bytes().get(start + 3) == Some(&b' ') {
                return reply;
            }
        }
    }

    /// Sends a line and reads the reply.
    pub async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Sends a message whose lines end with CRLF; the first reply that is no good, or that to the end of data.
    pub async fn mail(&mut self, sender: &str, recipient: &str, content: &str) -> String {
        for line in [format!("MAIL FROM:{sender}"), format!("RCPT TO:{recipient}"), "DATA".to_owned()] {
            let reply = self.say(&line).await;
            if !reply.starts_with(['2', '3']) {
                return reply;
            }
        }
        self.say(&format!("{content}.")).await
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Closes the connection, and waits for the session to notice.
    pub async fn hang_up(self) {
        drop(self.stream);
        self.session.await.unwrap();
    }

    /// Whether the session ended and closed its side, without another word.
    pub async fn was_closed(mut self) -> bool {
        let rest = self.stream.read_to_end(&mut Vec::new()).await.unwrap();
        self.session.await.unwrap();
        rest == 0
    }
}
