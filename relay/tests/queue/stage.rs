//! A queue with all that it needs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::{Timestamp, ToSpan as _};
use postern_config::{
    Delivery, DomainName, DomainPattern, ListenerTls, Mx, NextHopTls, NextHopTlsMode, OutboundRoute, RetryTimes, RouteMatch, RouteTarget,
    Spool as Rules, Storage,
};
use postern_proto::address::{ForwardPath, ReversePath};
use postern_relay::{
    delivery::{self, Outbound, Resolver},
    queue::{Metrics, Queue},
    snapshot::{self, Snapshot},
};
use postern_spool::{
    Claim, DsnRequest, Entry, Envelope, Filter, Listed, Local, MessageId, Origin, Reach, Recipient, Settings, Spool as _, Writer as _,
    directory::Disk,
};
use postern_tests::{
    config::{HOSTNAME, RelayFolder, next_hops},
    next_hop::{Message, NextHop},
    pki::Authority,
    poll,
};
use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tempfile::TempDir;
use tokio::time::Instant;

/// Plain links: what is tried here is the queue.
const CLEAR: NextHopTlsMode = NextHopTlsMode::Opportunistic;
/// The name of the listener that took all messages.
const LISTENER: &str = "mx";

/// A queue, and the folder of its spool.
pub(crate) struct Stage {
    pub(crate) folder: RelayFolder,
    pub(crate) spool: Local,
    configuration: Arc<snapshot::Store>,
    registry: Registry,
    queue: Option<Queue<Local>>,
    at: TempDir,
}

impl Stage {
    /// A relay whose configuration `change` completes. Nothing is delivered before [`Stage::start`]. What fails is tried again after a second.
    pub(crate) async fn new(change: impl FnOnce(&mut RelayFolder)) -> Self {
        let at = TempDir::new().unwrap();
        let mut folder = RelayFolder::new(&at.path().join("config")).unwrap();
        folder.listen(LISTENER, ListenerTls::StartTlsOptional).unwrap();
        folder.root.listeners[0].delivery = Delivery::Spool;
        folder.root.spool = Some(rules());
        folder.show(&Authority::new("Test CA").unwrap().server(&[HOSTNAME]).unwrap()).unwrap();
        change(&mut folder);
        let spool = open(&at.path().join("spool")).await;
        let stage = Self { folder, spool, configuration: Arc::default(), registry: Registry::default(), queue: None, at };
        stage.reload();
        stage
    }

    /// Takes what the folder says into use.
    pub(crate) fn reload(&self) {
        self.folder.write().unwrap();
        self.configuration.replace(Arc::new(Snapshot::load(self.folder.path()).unwrap()));
    }

    /// Delivers from now on.
    pub(crate) fn start(&mut self) {
        self.registry = Registry::default();
        let outbound = Outbound::new(Resolver::from_system().unwrap(), delivery::Metrics::register(&mut self.registry));
        let metrics = Metrics::register(&mut self.registry);
        let configuration = Arc::clone(&self.configuration);
        self.queue = Some(Queue::start(self.spool.clone(), outbound, configuration, rules(), metrics));
    }

    /// Ends in good order, if that is possible within `time`.
    pub(crate) async fn drain(&mut self, time: Duration) {
        self.queue.take().unwrap().drain(Instant::now() + time).await;
    }

    /// Ends at once, as a crash would, and opens the spool again.
    pub(crate) async fn crash(&mut self) {
        drop(self.queue.take());
        self.reopen().await;
    }

    /// Closes the spool and opens it again.
    pub(crate) async fn reopen(&mut self) {
        self.spool.close().await;
        self.spool = poll::until("the spool to be free again", async || {
            Local::open(Disk::open(&self.spool_folder()).unwrap(), Settings::for_quota(1 << 30)).await.ok()
        })
        .await
        .unwrap()
        .0;
    }

    pub(crate) fn spool_folder(&self) -> PathBuf {
        self.at.path().join("spool")
    }

    /// Puts a message into the queue.
    pub(crate) async fn put(&self, envelope: Envelope, content: &[u8]) -> MessageId {
        self.put_entry(Entry::new(MessageId::new(), envelope), content).await
    }

    pub(crate) async fn put_entry(&self, entry: Entry, content: &[u8]) -> MessageId {
        let mut writer = self.spool.begin(entry).await.unwrap();
        writer.append(content).await.unwrap();
        writer.commit().await.unwrap()
    }

    /// Changes the statuses of a message that nobody works on.
    pub(crate) async fn change(&self, id: MessageId, change: impl FnOnce(&mut [postern_spool::Status])) {
        let claims = self.spool.claim(Reach::All, Timestamp::now(), Duration::from_mins(1), usize::MAX).await.unwrap();
        let mut claim = claims.into_iter().find(|claim| claim.entry().id() == id).unwrap();
        change(claim.statuses_mut());
        claim.update().await.unwrap();
        claim.release().await.unwrap();
    }

    /// What is in the queue.
    pub(crate) async fn queued(&self) -> Vec<Listed> {
        self.spool.list(&Filter::default(), None, usize::MAX).await.unwrap().messages
    }

    /// Waits until there are so many messages in the queue.
    pub(crate) async fn has(&self, count: usize) {
        poll::until("messages to leave the queue", async || (self.queued().await.len() == count).then_some(())).await.unwrap();
    }

    /// Waits until the queue is empty.
    pub(crate) async fn is_empty(&self) {
        self.has(0).await;
    }

    /// Waits until a message looks as `is` says, and gives it.
    pub(crate) async fn when(&self, id: MessageId, what: &str, is: impl Fn(&Listed) -> bool) -> Listed {
        poll::until(what, async || self.spool.get(id).await.ok().filter(&is)).await.unwrap()
    }

    /// The value of a metric, with its labels as they are written.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(|value| value.parse().unwrap()));
        value.unwrap_or(0)
    }
}

async fn open(folder: &std::path::Path) -> Local {
    Local::open(Disk::open(folder).unwrap(), Settings::for_quota(1 << 30)).await.unwrap().0
}

pub(crate) fn rules() -> Rules {
    Rules {
        storage: Storage::Directory { durable: true, quota_bytes: None },
        retry: RetryTimes { first_seconds: 1, longest_seconds: 1 },
        lifetime_seconds: 432_000,
        delay_warning_seconds: None,
        deliveries: 100,
        deliveries_per_destination: 10,
    }
}

/// Accepts a domain whose next hop this is.
pub(crate) fn accept(folder: &mut RelayFolder, domain: &str, hop: &NextHop) {
    folder.accept(domain, hop.address().port(), CLEAR).unwrap();
}

/// A route for these domains to this smart host.
pub(crate) fn route(name: &str, domains: &[&str], port: u16) -> OutboundRoute {
    let pattern = |domain: &&str| DomainPattern { domain: DomainName::parse(domain).unwrap(), include_subdomains: false };
    let matches = RouteMatch { recipient_domains: domains.iter().map(pattern).collect(), ..RouteMatch::default() };
    let to = RouteTarget::Hosts { next_hops: next_hops(port, CLEAR), credentials: None };
    OutboundRoute { name: name.to_owned(), matches, to, ehlo_name: None }
}

/// A route by MX for all domains, to exchangers on this port of loopback.
pub(crate) fn by_mx(port: u16) -> OutboundRoute {
    let tls = NextHopTls { mode: CLEAR, server_name: None, trust: Vec::new(), client_certificate: None };
    let mx = Mx { tls, waivers: Vec::new(), allow_cidrs: vec!["127.0.0.0/8".parse().unwrap()], port };
    OutboundRoute { name: "world".to_owned(), matches: RouteMatch::default(), to: RouteTarget::Mx(mx), ehlo_name: None }
}

/// A message of `anna@example.org`, who is an identity, that has just come.
pub(crate) fn envelope(recipients: &[&str]) -> Envelope {
    let now = Timestamp::now();
    Envelope {
        reverse_path: ReversePath::parse("<anna@example.org>").unwrap().0,
        recipients: recipients.iter().map(|text| Recipient::new(ForwardPath::parse(&format!("<{text}>")).unwrap().0)).collect(),
        body: None,
        smtputf8: false,
        dsn: DsnRequest::default(),
        arrival: now,
        expires: now + 120.hours(),
        listener: LISTENER.to_owned(),
        origin: Origin::Identity("anna".to_owned()),
    }
}

/// The messages that a next hop took, when there are so many.
pub(crate) async fn taken(hop: &NextHop, count: usize) -> Vec<Message> {
    let messages = poll::until("messages at the next hop", async || {
        let messages = hop.record().messages();
        (messages.len() >= count).then_some(messages)
    });
    messages.await.unwrap()
}

/// The content of a message, as text.
pub(crate) fn text(message: &Message) -> String {
    String::from_utf8(message.content.clone()).unwrap()
}
