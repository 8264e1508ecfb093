//! What hands transactions to scripted next hops, without the session in front of it.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use postern_config::{DomainName, NextHop as HopConfig, NextHopTls, NextHopTlsMode, NextHops, RelayConfig, RouteTarget};
use postern_proto::{
    address::{Domain, ForwardPath, Mailbox, ReversePath},
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use postern_relay::{
    delivery::{self, Destination, Handover, Loader, Outbound, Resolver, Transaction as _},
    message::{self, Budgets, Message, Store},
    policy::{Label, Way},
};
use postern_tests::config::RelayFolder;
use prometheus_client::registry::Registry;
use tempfile::TempDir;

/// Everything that a transaction needs.
pub(crate) struct Bench {
    pub(crate) outbound: Outbound,
    pub(crate) folder: TempDir,
    registry: Registry,
    store: Store,
    seconds: u32,
}

impl Bench {
    /// Names are looked up where `resolver` says. Next hops may take a minute for each step.
    pub(crate) fn with_resolver(resolver: Resolver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut registry = Registry::default();
        let budgets = Budgets { memory_bytes: 1 << 28, scratch_bytes: 1 << 30 };
        let store = Store::open(folder.path(), budgets, message::Metrics::register(&mut registry)).unwrap();
        let outbound = Outbound::new(resolver, delivery::Metrics::register(&mut registry));
        Self { outbound, folder, registry, store, seconds: 60 }
    }

    pub(crate) fn new() -> Self {
        Self::with_resolver(resolver(None))
    }

    /// Next hops may take so long for each step.
    pub(crate) fn patient_for(mut self, seconds: u32) -> Self {
        self.seconds = seconds;
        self
    }

    /// A destination of these next hops, as the configuration would have it.
    pub(crate) fn destination(&self, next_hops: &NextHops) -> Arc<Destination> {
        self.destination_of(&self.root(), &next_hops.clone().into())
    }

    /// The same of any target, in the configuration that has this root.
    pub(crate) fn destination_of(&self, root: &RelayConfig, target: &RouteTarget) -> Arc<Destination> {
        let way = Way { label: Label::Route("out"), target, ehlo_name: None };
        Arc::new(Loader::new(self.folder.path(), root).load(&way).unwrap())
    }

    /// The root of a relay that is called `relay.example.com`.
    pub(crate) fn root(&self) -> RelayConfig {
        let mut root = root(self.folder.path());
        root.timeouts.next_hop_command_seconds = self.seconds;
        root.timeouts.next_hop_final_reply_seconds = self.seconds;
        root
    }

    pub(crate) fn begin(&self, to: &Arc<Destination>) -> Handover {
        self.outbound.begin(&mail(), to)
    }

    pub(crate) async fn message(&self, content: &[u8]) -> Message {
        let mut writer = self.store.writer(None).unwrap();
        for piece in content.chunks(10_000) {
            writer.append(piece).await.unwrap();
        }
        writer.finish().await.unwrap()
    }

    /// A whole transaction with one recipient. The reply is that to the end of data, or the refusal of the recipient.
    pub(crate) async fn send(&self, to: &Arc<Destination>, content: &[u8]) -> Reply {
        let mut transaction = self.begin(to);
        let reply = transaction.rcpt(&rcpt("user")).await;
        if !reply.is_positive() {
            return reply;
        }
        transaction.deliver(self.message(content).await).await
    }

    /// The value of a metric, or the sum of its values over all labels; 0 when it was never counted.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let samples = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// How many connections are kept.
    pub(crate) fn idle(&self) -> u64 {
        self.metric("postern_next_hop_idle_connections")
    }
}

/// The root of a relay that is called `relay.example.com`, and whose folder is `folder`.
pub(crate) fn root(folder: &Path) -> RelayConfig {
    let mut root = RelayFolder::new(folder).unwrap().root;
    root.hostname = DomainName::parse("relay.example.com").unwrap();
    root
}

/// Asks a name server of the test alone; without one, names but `localhost` can't be looked up.
pub(crate) fn resolver(name_server: Option<SocketAddr>) -> Resolver {
    use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
    let servers = name_server.map(|address| {
        let mut server = NameServerConfig::udp(address.ip());
        for connection in &mut server.connections {
            connection.port = address.port();
        }
        server
    });
    let config = ResolverConfig::from_parts(None, vec![], servers.into_iter().collect());
    Resolver::new(config, ResolverOpts::default()).unwrap()
}

pub(crate) fn mail() -> MailFrom {
    MailFrom::new(ReversePath::Mailbox(mailbox("sender")))
}

pub(crate) fn rcpt(local: &str) -> RcptTo {
    RcptTo::new(ForwardPath::Mailbox(mailbox(local)))
}

fn mailbox(local: &str) -> Mailbox {
    Mailbox { local: local.to_owned(), domain: Domain::Name("example.com".to_owned()) }
}

/// Servers on these addresses, the first one asked first; TLS as `mode` says.
pub(crate) fn hops(mode: NextHopTlsMode, addresses: &[SocketAddr]) -> NextHops {
    let hosts: Vec<_> = addresses.iter().map(|address| (address.ip().to_string(), address.port())).collect();
    named_hops(mode, &hosts)
}

/// Servers on these hosts and ports, the first one asked first.
pub(crate) fn named_hops(mode: NextHopTlsMode, hosts: &[(String, u16)]) -> NextHops {
    let hop = |(place, (host, port)): (usize, &(String, u16))| HopConfig {
        host: host.clone(),
        port: *port,
        priority: u16::try_from(place).unwrap(),
        weight: 1,
    };
    NextHops { hops: hosts.iter().enumerate().map(hop).collect(), tls: tls(mode), allowed_cidrs: Vec::new() }
}

pub(crate) fn tls(mode: NextHopTlsMode) -> NextHopTls {
    NextHopTls { mode, server_name: None, trust: vec![], client_certificate: None }
}

/// Servers in clear.
pub(crate) fn clear(addresses: &[SocketAddr]) -> NextHops {
    hops(NextHopTlsMode::Opportunistic, addresses)
}

/// An address of loopback where nobody listens.
pub(crate) fn closed_port() -> SocketAddr {
    SocketAddr::new(IpAddr::from([127, 0, 0, 1]), postern_tests::port::free().unwrap())
}

/// `code enhanced`, as the table of faults writes replies.
pub(crate) fn codes(reply: &Reply) -> String {
    reply.enhanced.map_or_else(|| reply.code.to_string(), |enhanced| format!("{} {enhanced}", reply.code))
}

/// A sender that only SMTPUTF8 can carry.
pub(crate) fn utf8_sender() -> ReversePath {
    ReversePath::Mailbox(mailbox("sendér"))
}
