//! Everything that can go wrong at a next hop, step by step: what the sender hears, and what becomes of the connection and the transaction.
//!
//! The rows are those of `docs/next-hop-faults.md`, which is thereby held true.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use handover::{Bench, closed_port, codes, named_hops, rcpt, resolver};
use ipnet::IpNet;
use postern_config::{
    NextHopTlsMode, NextHops, RouteTarget,
    material::{credentials_file, trust_file},
};
use postern_proto::{
    address::ForwardPath,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_relay::{
    delivery::{Destination, Handover, Source, Transaction as _},
    message::Message,
};
use postern_tests::{
    name_server::{Answer, NameServer},
    next_hop::{Act, At, NextHop, Script},
    pki::Authority,
    poll,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Runtime,
};

const TABLE: &str = include_str!("../../docs/next-hop-faults.md");
/// More than all socket buffers on the way take.
const LARGE: usize = 24 << 20;

#[derive(Clone, Debug)]
struct Row {
    step: String,
    fault: String,
    reply: String,
    then: String,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().skip_while(|line| !line.starts_with("| step ")).skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        let [step, fault, reply, then] = cells.try_into().unwrap();
        Row { step, fault, reply, then }
    };
    lines.map(row).collect()
}

impl Row {
    fn at(&self) -> At {
        match self.step.as_str() {
            "banner" => At::Banner,
            "ehlo" => At::Ehlo,
            "starttls" => At::StartTls,
            "handshake" => At::Handshake,
            "auth" => At::Auth,
            "mail" => At::Mail,
            "recipient 1" | "recipient 2" => At::Rcpt,
            "data" => At::Data,
            "content" => At::Content,
            "end of data" => At::EndOfData,
            _ => At::Other,
        }
    }

    fn act(&self) -> Act {
        match self.fault.as_str() {
            "no reply" => Act::Write(b"hello there\r\n".to_vec()),
            "close" => Act::Close,
            "silence" => Act::Hang,
            reply if reply.get(..3).is_some_and(|code| code.parse::<u16>().is_ok()) => Act::say(reply),
            _ => Act::Comply,
        }
    }

    fn is_silent(&self) -> bool {
        self.fault == "silence"
    }

    fn needs_utf8(&self) -> bool {
        self.fault.starts_with("SMTPUTF8")
    }

    /// A server that does wrong once, as the row says, and is good from then on.
    fn script(&self) -> Script {
        let (row, is_done) = (self.clone(), AtomicBool::new(false));
        let script = Script::new(move |asked| {
            let is_it = asked.at == row.at() && (row.step != "recipient 2" || asked.line.contains("second"));
            if is_it && !is_done.swap(true, Ordering::Relaxed) { row.act() } else { Act::Comply }
        });
        match self.fault.as_str() {
            "SIZE is exceeded" => script.offering(&["PIPELINING", "SIZE 1000"]),
            "SMTPUTF8 is needed and not offered" => script.offering(&["PIPELINING", "8BITMIME"]),
            "8BITMIME is needed and not offered" => script.offering(&["PIPELINING"]),
            // Only then is the content looked at before DATA.
            "what we hold can't be read" if self.step == "data" => script.offering(&["PIPELINING"]),
            "no mechanism that we know is offered" => script.with_auth("GSSAPI NTLM"),
            _ => script.with_auth("PLAIN"),
        }
    }

    fn mode(&self) -> NextHopTlsMode {
        match self.step.as_str() {
            "handshake" if self.is_unverified() => NextHopTlsMode::Verify,
            "starttls" | "handshake" | "auth" => NextHopTlsMode::Encrypt,
            _ => NextHopTlsMode::Opportunistic,
        }
    }

    fn is_unverified(&self) -> bool {
        self.fault == "the certificate can't be verified"
    }

    fn mail(&self) -> MailFrom {
        let mut mail = handover::mail();
        mail.smtputf8 = self.needs_utf8();
        match (self.step.as_str(), self.fault.as_str()) {
            ("mail", "SIZE is exceeded") => mail.size = Some(1001),
            ("mail", _) if self.needs_utf8() => mail.path = handover::utf8_sender(),
            _ => {}
        }
        mail
    }

    fn recipient(&self, step: &str, local: &str) -> RcptTo {
        let is_utf8 = self.needs_utf8() && self.step == step;
        let mut rcpt = rcpt(local);
        if let (true, ForwardPath::Mailbox(mailbox)) = (is_utf8, &mut rcpt.path) {
            mailbox.local.push('é');
        }
        rcpt
    }

    fn content(&self) -> Vec<u8> {
        match (self.step.as_str(), self.fault.as_str()) {
            ("content", _) => b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n".repeat(LARGE / 64),
            ("data", "SIZE is exceeded") => b"line\r\n".repeat(200),
            ("data", fault) if fault.ends_with("needed and not offered") => "Subject: é\r\n".into(),
            _ => b"Subject: x\r\n".to_vec(),
        }
    }
}

/// The server with the fault, and another one that is good, with all that must live as long.
struct Scene {
    bench: Bench,
    faulty: Option<NextHop>,
    good: NextHop,
    hosts: Vec<(String, u16)>,
    mode: NextHopTlsMode,
    allowed: Vec<IpNet>,
    credentials: Option<String>,
    _name_server: NameServer,
    _full: Option<(TcpListener, Vec<TcpStream>)>,
}

impl Scene {
    async fn set(row: &Row) -> Self {
        let authority = Authority::new("faults").unwrap();
        let tls = authority.server(&["127.0.0.1"]).unwrap().server_config().unwrap();
        let mut script = row.script();
        if row.is_unverified() {
            script = script.with_tls(Authority::new("another").unwrap().server(&["127.0.0.1"]).unwrap().server_config().unwrap());
        } else if row.mode() == NextHopTlsMode::Encrypt && row.fault != "not offered" {
            script = script.with_tls(Arc::clone(&tls));
        }
        let name_server = name_server(row).await;
        let mut full = None;
        let mut faulty = None;
        let first = match (row.step.as_str(), row.fault.as_str()) {
            ("resolve", _) => ("hop.test".to_owned(), closed_port().port()),
            ("connect", "refused") => host(closed_port()),
            ("connect", _) => host(full.insert(full_listener().await).0.local_addr().unwrap()),
            _ => host(faulty.insert(script.start().await.unwrap()).address()),
        };
        let good = Script::good().with_tls(tls).with_auth("PLAIN").start().await.unwrap();
        let bench = Bench::with_resolver(resolver(Some(name_server.address()))).patient_for(if row.is_silent() { 5 } else { 60 });
        authority.write(&bench.folder.path().join(trust_file("ca"))).unwrap();
        let hosts = vec![first, host(good.address())];
        let allowed = if row.fault == "no address is allowed" { vec!["127.0.0.1/32".parse().unwrap()] } else { Vec::new() };
        let credentials = (row.step == "auth").then(|| "us".to_owned());
        fs::write(bench.folder.path().join(credentials_file("us")), r#"{"mechanism":"Password","username":"us","password":"secret"}"#)
            .unwrap();
        Self { bench, faulty, good, hosts, mode: row.mode(), allowed, credentials, _name_server: name_server, _full: full }
    }

    /// A transaction with the faulty server alone, or with the good one behind it.
    fn destination(&self, with_good: bool) -> Arc<Destination> {
        let target = RouteTarget::Hosts { next_hops: self.next_hops(with_good), credentials: self.credentials.clone() };
        self.bench.destination_of(&self.bench.root(), &target)
    }

    fn next_hops(&self, with_good: bool) -> NextHops {
        let mut next_hops = named_hops(self.mode, &self.hosts[..if with_good { 2 } else { 1 }]);
        next_hops.tls.trust = vec!["ca".to_owned()];
        NextHops { allowed_cidrs: self.allowed.clone(), ..next_hops }
    }

    fn begin(&self, row: &Row, with_good: bool) -> Handover {
        self.bench.outbound.begin(&row.mail(), &self.destination(with_good))
    }
}

fn host(address: SocketAddr) -> (String, u16) {
    (address.ip().to_string(), address.port())
}

async fn name_server(row: &Row) -> NameServer {
    let answer = match row.fault.as_str() {
        "the name has no address" => Answer::Addresses(vec![]),
        "no address is allowed" => Answer::Addresses(vec!["127.0.0.9".parse().unwrap()]),
        "DNS fails" => Answer::Failure,
        "silence" => Answer::Silence,
        _ => return NameServer::start(&[]).await.unwrap(),
    };
    NameServer::start(&[("hop.test", answer)]).await.unwrap()
}

/// A listener that accepts nothing, with so many connections waiting that no more are let in.
async fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(std::time::Duration::from_secs(1), TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
    }
    (listener, waiting)
}

/// What the sender hears in this row.
async fn hear(row: &Row, bench: &Bench, transaction: &mut Option<Handover>) -> Reply {
    let open = transaction.as_mut().unwrap();
    let first = open.rcpt(&row.recipient("recipient 1", "first")).await;
    if row.at() != At::Data && row.at() != At::Content && row.at() != At::EndOfData && row.step != "recipient 2" {
        return first;
    }
    assert!(first.is_positive(), "{row:?}: {first}");
    if row.step == "recipient 2" {
        return open.rcpt(&row.recipient("recipient 2", "second")).await;
    }
    if row.step == "data" && row.fault == "what we hold can't be read" {
        return transaction.take().unwrap().hand_over_from(Unreadable).await;
    }
    let message = content(row, bench).await;
    transaction.take().unwrap().deliver(message).await
}

/// Content that fails before its first piece.
struct Unreadable;

impl Source for Unreadable {
    fn len(&self) -> u64 {
        1
    }

    async fn is_eight_bit(&mut self) -> io::Result<bool> {
        Err(io::Error::other("the disk is gone"))
    }

    async fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        Err(io::Error::other("the disk is gone"))
    }
}

async fn content(row: &Row, bench: &Bench) -> Message {
    let message = bench.message(&row.content()).await;
    if row.fault == "what we hold can't be read" {
        empty_scratch_of(bench);
    }
    message
}

/// Empties the file that has no name, so that reading it fails.
fn empty_scratch_of(bench: &Bench) {
    let folder = fs::canonicalize(bench.folder.path()).unwrap();
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let scratch = descriptors.filter(|path| fs::read_link(path).is_ok_and(|target| target.starts_with(&folder)) && path.is_file());
    let emptied = scratch.map(|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap());
    assert_eq!(emptied.count(), 1, "one message, one file");
}

async fn check(row: Row) {
    let scene = Scene::set(&row).await;
    match row.then.as_str() {
        "another host" => {
            hears_the_reply_when_alone(&row, &scene).await;
            let scene = Scene::set(&row).await;
            another_host_takes_it(&row, &scene).await;
        }
        "goes on" => the_connection_is_used_again(&row, &scene).await,
        "gives up" => no_other_host_is_asked(&row, &scene, 0).await,
        "maybe delivered" => no_other_host_is_asked(&row, &scene, 1).await,
        other => panic!("`{other}` is none of the words that say what happens then"),
    }
}

async fn hears_the_reply_when_alone(row: &Row, scene: &Scene) -> Option<Handover> {
    let mut transaction = Some(scene.begin(row, false));
    assert_eq!(codes(&hear(row, &scene.bench, &mut transaction).await), row.reply, "{row:?}");
    transaction
}

async fn another_host_takes_it(row: &Row, scene: &Scene) {
    let mut transaction = scene.begin(row, true);
    let reply = transaction.rcpt(&rcpt("first")).await;
    assert_eq!(codes(&reply), "250 2.1.5", "{row:?}");
    let reply = transaction.deliver(scene.bench.message(b"x\r\n").await).await;
    assert_eq!(codes(&reply), "250 2.0.0", "{row:?}");
    assert_eq!(scene.good.record().messages().len(), 1, "{row:?}");
}

async fn the_connection_is_used_again(row: &Row, scene: &Scene) {
    drop(hears_the_reply_when_alone(row, scene).await);
    poll::until("the connection to be kept", async || (scene.bench.idle() > 0).then_some(())).await.unwrap();
    let reply = scene.bench.send(&scene.destination(false), b"x\r\n").await;
    assert_eq!(codes(&reply), "250 2.0.0", "{row:?}");
    let record = scene.faulty.as_ref().unwrap().record();
    assert_eq!((record.connections(), scene.bench.metric("postern_next_hop_stale_connections_total")), (1, 0), "{row:?}");
    assert_eq!(record.messages().last().unwrap().content, b"x\r\n", "{row:?}");
}

async fn no_other_host_is_asked(row: &Row, scene: &Scene, possible_duplicates: u64) {
    let mut transaction = Some(scene.begin(row, true));
    assert_eq!(codes(&hear(row, &scene.bench, &mut transaction).await), row.reply, "{row:?}");
    if let Some(mut open) = transaction {
        assert_eq!(codes(&open.rcpt(&rcpt("third")).await), row.reply, "{row:?}");
        assert_eq!(codes(&open.deliver(scene.bench.message(b"x\r\n").await).await), row.reply, "{row:?}");
    }
    assert_eq!(scene.good.record().connections(), 0, "{row:?}");
    assert_eq!(scene.bench.idle(), 0, "{row:?}");
    assert_eq!(scene.bench.metric("postern_next_hop_possible_duplicates_total"), possible_duplicates, "{row:?}");
    let taken = scene.faulty.as_ref().unwrap().record().messages().len();
    assert_eq!(taken, usize::from(row.step == "end of data"), "{row:?}: only what is complete comes to an end");
}

/// Every row in a thread of its own, since some wait.
fn check_all(rows: impl Iterator<Item = Row>) {
    std::thread::scope(|scope| {
        let checks = rows.map(|row| scope.spawn(move || Runtime::new().unwrap().block_on(check(row))));
        assert_ne!(checks.count(), 0);
    });
}

#[test]
fn a_next_hop_that_answers_wrongly_is_answered_as_the_table_says() {
    check_all(rows().into_iter().filter(|row| !row.is_silent()));
}

#[test]
fn a_next_hop_that_says_nothing_is_answered_as_the_table_says() {
    check_all(rows().into_iter().filter(Row::is_silent));
}

#[test]
fn the_table_names_every_step_with_silence_and_closing() {
    let has = |step: &str, fault: &str| rows().iter().any(|row| row.step == step && row.fault == fault);
    for step in ["banner", "ehlo", "starttls", "handshake", "auth", "mail", "recipient 1", "recipient 2", "data", "content", "end of data"]
    {
        for fault in ["silence", "close", "no reply"] {
            assert!(has(step, fault), "{step}: {fault}");
        }
    }
}
