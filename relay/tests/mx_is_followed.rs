//! Mail for a domain goes to its exchangers, as DNS names them: RFC 5321 section 5, RFC 7505.
//!
//! The rows are those of `docs/mail-exchangers.md`, which is thereby held true.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use handover::{Bench, codes, mail, resolver, tls};
use postern_config::{
    DomainName, DomainPattern, Mx, NextHop as HopConfig, NextHopTlsMode, NextHops, RouteTarget, TlsWaiver, material::trust_file,
};
use postern_proto::{
    address::{Domain, ForwardPath, Mailbox},
    envelope::RcptTo,
};
use postern_relay::delivery::{Destination, Transaction as _};
use postern_tests::{
    name_server::{Answer, NameServer},
    next_hop::{NextHop, Script},
    pki::Authority,
    port,
    zone::Zone,
};

const TABLE: &str = include_str!("../../docs/mail-exchangers.md");
/// An address of the node that the relay runs on.
const NODE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 77));

/// What DNS says of a domain, and which server gets its mail.
struct Case {
    what: &'static str,
    /// `@` in the records stands for it.
    domain: &'static str,
    records: &'static str,
    taken_by: Option<&'static str>,
}

/// Servers are at 127.0.0.2, 127.0.0.3 and `::1`; nobody is at 127.0.0.4. The relay is `relay.example.com`, and knows `relay.test` as its own.
const CASES: [Case; 27] = [
    case("the domain has an exchanger", "one", "@ MX 10 a", Some("127.0.0.2")),
    case("the domain has an exchanger", "ONE-More.Test", "one-more MX 10 a", Some("127.0.0.2")),
    case("the domain has several exchangers", "several", "@ MX 20 a\n@ MX 10 b\n@ MX 30 nobody", Some("127.0.0.3")),
    case("the best exchanger does not answer", "dead", "@ MX 10 nobody\n@ MX 20 b", Some("127.0.0.3")),
    case("the best exchanger has no address", "empty", "@ MX 10 text\n@ MX 10 absent\n@ MX 20 b", Some("127.0.0.3")),
    case("the best exchanger can't be looked up", "lost", "@ MX 10 mx.elsewhere.\n@ MX 20 b", Some("127.0.0.3")),
    case("the domain has no exchanger, and an address", "bare", "@ A 127.0.0.2", Some("127.0.0.2")),
    case("the domain is an alias", "alias", "@ CNAME one", Some("127.0.0.2")),
    case("the domain is an alias", "alias-of-bare", "@ CNAME bare", Some("127.0.0.2")),
    case("the exchanger is an alias", "aliased", "@ MX 10 alias-of-a", Some("127.0.0.2")),
    case("the exchanger has an IPv6 address alone", "six", "@ MX 10 v6", Some("::1")),
    case("the domain is internationalised", "bücher", "xn--bcher-kva MX 10 a", Some("127.0.0.2")),
    case("the root stands among other exchangers", "rooted", "@ MX 0 .\n@ MX 10 a", Some("127.0.0.2")),
    case("the best exchanger has an address that is not allowed", "private", "@ MX 10 inside\n@ MX 20 b", Some("127.0.0.3")),
    case("this relay is an exchanger, and not the best", "second", "@ MX 10 a\n@ MX 20 relay\n@ MX 30 b", Some("127.0.0.2")),
    case("this relay is an exchanger, and the better one does not answer", "cut", "@ MX 10 nobody\n@ MX 20 relay\n@ MX 20 b", None),
    case("this relay is the best exchanger, by name", "ours", "@ MX 10 Relay.Example.COM.\n@ MX 10 a\n@ MX 20 b", None),
    case("this relay is the best exchanger, by address", "node", "@ MX 10 node\n@ MX 10 a\n@ MX 20 b", None),
    case("this relay is the domain itself, which has no exchanger", "relay", "@ A 127.0.0.2", None),
    case("the domain does not exist", "absent", "", None),
    case("the domain takes no mail (RFC 7505)", "null", "@ MX 0 .\n@ A 127.0.0.2", None),
    case("the domain has neither exchanger nor address", "text", "@ TXT text", None),
    case("no exchanger exists", "dangling", "@ MX 10 absent\n@ MX 20 gone", None),
    case("no exchanger has an address that is allowed", "inward", "@ MX 10 inside\n@ MX 20 metadata", None),
    case("no exchanger has an address, and one can't be looked up", "unsure", "@ MX 10 text\n@ MX 20 mx.elsewhere.", None),
    case("the domain can't be looked up", "example.elsewhere", "", None),
    case("the domain can't be looked up", "elsewhere.", "", None),
];

/// The hosts that are named above.
const HOSTS: &str = "
a A 127.0.0.2
b A 127.0.0.3
v6 AAAA ::1
nobody A 127.0.0.4
alias-of-a CNAME a
inside A 10.0.0.1
inside AAAA fd00::1
metadata A 169.254.169.254
node A 127.0.0.77
";

const fn case(what: &'static str, domain: &'static str, records: &'static str, taken_by: Option<&'static str>) -> Case {
    Case { what, domain, records, taken_by }
}

impl Case {
    /// The domain as it stands in addresses.
    fn domain(&self) -> String {
        if self.domain.contains('.') { self.domain.trim_end_matches('.').to_owned() } else { format!("{}.test", self.domain) }
    }

    fn records(&self) -> String {
        self.records.lines().map(|line| line.replacen('@', self.domain, 1) + "\n").collect()
    }

    fn reply(&self) -> &'static str {
        let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
        rows.into_iter().find(|(what, _)| *what == self.what).unwrap().1
    }
}

/// The servers of the test, all on one port, and a relay that finds them by MX.
struct Scene {
    bench: Bench,
    servers: Vec<(IpAddr, NextHop)>,
    port: u16,
    zone: Zone,
}

impl Scene {
    async fn set(records: &str, script: Script) -> Self {
        let zone = Zone::serve("test", records).await.unwrap();
        let port = port::free().unwrap();
        let mut servers = Vec::new();
        for address in ["127.0.0.2", "127.0.0.3", "::1"].map(|address| address.parse().unwrap()) {
            servers.push((address, script.clone().listen(SocketAddr::new(address, port)).await.unwrap()));
        }
        let bench = Bench::on_host(vec![NODE], resolver(Some(zone.address())));
        Self { bench, servers, port, zone }
    }

    /// Exchangers may be on loopback, which no exchanger of the world may.
    fn mx(&self, mode: NextHopTlsMode) -> Mx {
        let allow_cidrs = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        Mx { tls: tls(mode), waivers: Vec::new(), allow_cidrs, port: self.port }
    }

    fn destination(&self, mx: Mx) -> Arc<Destination> {
        let mut root = self.bench.root();
        root.routes.push(postern_config::OutboundRoute {
            name: "other".to_owned(),
            matches: postern_config::RouteMatch::default(),
            to: RouteTarget::Mx(mx.clone()),
            ehlo_name: Some(DomainName::parse("relay.test").unwrap()),
        });
        self.bench.destination_of(&root, &RouteTarget::Mx(mx))
    }

    /// The reply to a message for `domain`, and the servers that took one since the last time.
    async fn send(&self, to: &Arc<Destination>, domain: &str) -> (String, Vec<IpAddr>) {
        let before: Vec<_> = self.taken().collect();
        let reply = codes(&self.bench.send_to(&at(domain), to, b"x\r\n").await);
        let taken = self.servers.iter().zip(self.taken().zip(before)).filter(|(_, (now, before))| now > before);
        (reply, taken.map(|((address, _), _)| *address).collect())
    }

    fn taken(&self) -> impl Iterator<Item = usize> {
        self.servers.iter().map(|(_, server)| server.record().messages().len())
    }
}

fn at(domain: &str) -> RcptTo {
    RcptTo::new(ForwardPath::Mailbox(Mailbox { local: "user".to_owned(), domain: Domain::Name(domain.to_owned()) }))
}

fn zone_of_all() -> String {
    CASES.iter().map(Case::records).collect::<String>() + HOSTS
}

#[tokio::test]
async fn a_domain_is_reached_or_refused_as_the_table_says() {
    let scene = Scene::set(&zone_of_all(), Script::good()).await;
    let to = scene.destination(scene.mx(NextHopTlsMode::Opportunistic));
    for case in &CASES {
        let taken_by: Vec<IpAddr> = case.taken_by.iter().map(|address| address.parse().unwrap()).collect();
        assert_eq!(scene.send(&to, &case.domain()).await, (case.reply().to_owned(), taken_by), "{}: {}", case.what, case.domain());
    }
}

#[test]
fn every_row_of_the_table_is_played() {
    let rows = TABLE.lines().skip_while(|line| !line.starts_with("| what DNS says ")).skip(2).take_while(|line| line.starts_with('|'));
    for row in rows {
        assert!(CASES.iter().any(|case| row.contains(&format!("| {} |", case.what))), "{row}");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_can_be_known_before_and_nothing_else() {
    let scene = Scene::set(&zone_of_all(), Script::good()).await;
    let to = scene.destination(scene.mx(NextHopTlsMode::Opportunistic));
    for case in &CASES {
        let verdict = scene.bench.outbound.verdict_of_domain(&to, &Domain::Name(case.domain())).await;
        let expected = case.reply().starts_with('5').then(|| case.reply().to_owned());
        assert_eq!(verdict.as_ref().map(codes), expected, "{}: {}", case.what, case.domain());
    }
    assert!(scene.servers.iter().all(|(_, server)| server.record().connections() == 0));
}

#[tokio::test]
async fn the_refusal_of_a_domain_that_does_not_exist_says_so() {
    let scene = Scene::set("", Script::good()).await;
    let to = scene.destination(scene.mx(NextHopTlsMode::Encrypt));
    let reply = scene.bench.send_to(&at("absent.test"), &to, b"x\r\n").await;
    assert_eq!(reply.to_string(), "550 5.1.2 The domain of the address does not exist");
}

#[tokio::test]
async fn dns_that_says_nothing_refuses_no_domain() {
    let name_server = NameServer::start(&[("silent.test", Answer::Silence), ("failing.test", Answer::Failure)]).await.unwrap();
    let bench = Bench::with_resolver(resolver(Some(name_server.address()))).patient_for(1);
    let mx = Mx { tls: tls(NextHopTlsMode::Encrypt), waivers: Vec::new(), allow_cidrs: Vec::new(), port: 25 };
    let to = bench.destination_of(&bench.root(), &RouteTarget::Mx(mx));
    for domain in ["silent.test", "failing.test"] {
        assert_eq!(codes(&bench.send_to(&at(domain), &to, b"x\r\n").await), "451 4.4.3", "{domain}");
        assert_eq!(bench.outbound.verdict_of_domain(&to, &Domain::Name(domain.to_owned())).await, None, "{domain}");
    }
}

#[tokio::test]
async fn servers_that_are_named_are_asked_for_domains_and_exchangers_and_the_pods_own_for_next_hops() {
    let pod = NameServer::start(&[("smart.example.com", Answer::Addresses(vec![[127, 0, 0, 1].into()]))]).await.unwrap();
    let old = Zone::serve("test", "one MX 10 a\na A 127.0.0.2").await.unwrap();
    let new = Zone::serve("test", "one MX 10 a\na A 127.0.0.3").await.unwrap();
    let scene = Scene { bench: Bench::with_resolver(resolver(Some(pod.address()))), ..Scene::set("", Script::good()).await };
    let mut root = scene.bench.root();
    let by_mx = RouteTarget::Mx(scene.mx(NextHopTlsMode::Opportunistic));
    for (zone, server) in [(&old, [127, 0, 0, 2]), (&new, [127, 0, 0, 3]), (&old, [127, 0, 0, 2])] {
        root.dns_servers = vec![zone.address()];
        let to = scene.bench.destination_of(&root, &by_mx);
        assert_eq!(scene.send(&to, "one.test").await, ("250 2.0.0".to_owned(), vec![server.into()]));
        assert_eq!(scene.bench.outbound.verdict_of_domain(&to, &Domain::Name("two.test".to_owned())).await.unwrap().code, 550);
    }
    assert_eq!(pod.questions(), 0, "the pod's own DNS was asked for the domains of the world");

    let smart = Script::good().start().await.unwrap();
    let hop = HopConfig { host: "smart.example.com".to_owned(), port: smart.address().port(), priority: 10, weight: 1 };
    let next_hops = NextHops { hops: vec![hop], tls: tls(NextHopTlsMode::Opportunistic), allowed_cidrs: Vec::new() };
    let to = scene.bench.destination_of(&root, &next_hops.into());
    assert_eq!(codes(&scene.bench.send(&to, b"x\r\n").await), "250 2.0.0");
    assert!(pod.questions() > 0);
}

#[tokio::test]
async fn servers_that_fail_beside_one_that_does_not_stop_no_mail_and_when_all_fail_it_waits() {
    let silent = NameServer::start(&[("one.test", Answer::Silence), ("a.test", Answer::Silence)]).await.unwrap();
    let failures = [("one.test", Answer::Failure), ("a.test", Answer::Failure)];
    let (failing, broken) = (NameServer::start(&failures).await.unwrap(), NameServer::start(&failures).await.unwrap());
    let scene = Scene::set("one MX 10 a\na A 127.0.0.2", Script::good()).await;
    let zone = scene.zone.address();
    let mut root = scene.bench.root();
    let by_mx = RouteTarget::Mx(scene.mx(NextHopTlsMode::Opportunistic));
    let good = "250 2.0.0";
    let cases = [
        (vec![silent.address(), zone], good),
        (vec![failing.address(), broken.address(), zone], good),
        (vec![failing.address(), broken.address()], "451 4.4.3"),
    ];
    for (servers, reply) in cases {
        root.dns_servers = servers;
        assert_eq!(scene.send(&scene.bench.destination_of(&root, &by_mx), "one.test").await.0, reply);
    }
    assert_eq!(scene.bench.metric("postern_next_hop_failures_total"), 1);
}

#[tokio::test]
async fn without_an_exception_no_exchanger_is_inside() {
    let scene =
        Scene::set("one MX 10 a\nsix MX 10 v6\na A 127.0.0.2\nv6 AAAA ::1\nmapped MX 10 m\nm AAAA ::ffff:127.0.0.2", Script::good()).await;
    let mx = Mx { allow_cidrs: vec!["127.0.0.3/32".parse().unwrap()], ..scene.mx(NextHopTlsMode::Opportunistic) };
    let to = scene.destination(mx);
    for domain in ["one.test", "six.test", "mapped.test"] {
        assert_eq!(scene.send(&to, domain).await, ("550 5.4.4".to_owned(), vec![]), "{domain}");
    }
    assert!(scene.servers.iter().all(|(_, server)| server.record().connections() == 0));
}

#[tokio::test]
async fn exchangers_of_equal_preference_share_the_mail() {
    let scene = Scene::set("pair MX 10 a\npair MX 10 b\na A 127.0.0.2\nb A 127.0.0.3", Script::good()).await;
    let to = scene.destination(scene.mx(NextHopTlsMode::Opportunistic));
    for _ in 0..64 {
        assert_eq!(scene.send(&to, "pair.test").await.0, "250 2.0.0");
    }
    // Either stays without mail once in 2^63 runs.
    assert!(scene.taken().take(2).all(|taken| taken > 0));
}

#[tokio::test]
async fn a_recipient_of_another_domain_comes_again() {
    let scene = Scene::set("one MX 10 a\ntwo MX 10 b\na A 127.0.0.2\nb A 127.0.0.3", Script::good()).await;
    let to = scene.destination(scene.mx(NextHopTlsMode::Opportunistic));
    let mut transaction = scene.bench.outbound.begin(&mail(), &to);
    let mut replies = Vec::new();
    for domain in ["one.test", "two.test", "ONE.test", "absent.test"] {
        replies.push(codes(&transaction.rcpt(&at(domain)).await));
    }
    assert_eq!(replies, ["250 2.1.5", "452 4.5.3", "250 2.1.5", "452 4.5.3"]);
    assert_eq!(codes(&transaction.deliver(scene.bench.message(b"x\r\n").await).await), "250 2.0.0");
    // What became of one domain is no word on another.
    let mut transaction = scene.bench.outbound.begin(&mail(), &to);
    assert_eq!(codes(&transaction.rcpt(&at("absent.test")).await), "550 5.1.2");
    assert_eq!(codes(&transaction.rcpt(&at("one.test")).await), "452 4.5.3");
    assert_eq!(codes(&transaction.rcpt(&at("absent.test")).await), "550 5.1.2");
}

#[tokio::test]
async fn verify_wants_a_certificate_for_the_exchangers_own_name() {
    let authority = Authority::new("ca").unwrap();
    for (name, reply) in [("mx.one.test", "250 2.0.0"), ("one.test", "451 4.7.5")] {
        let tls = authority.server(&[name]).unwrap().server_config().unwrap();
        let scene = Scene::set("one MX 10 mx.one\nmx.one A 127.0.0.2", Script::good().with_tls(tls)).await;
        authority.write(&scene.bench.folder.path().join(trust_file("ca"))).unwrap();
        let mut mx = scene.mx(NextHopTlsMode::Verify);
        mx.tls.trust = vec!["ca".to_owned()];
        assert_eq!(scene.send(&scene.destination(mx), "one.test").await.0, reply, "{name}");
    }
}

#[tokio::test]
async fn the_first_waiver_that_covers_a_domain_and_has_not_run_out_counts() {
    let scene = Scene::set("one MX 10 a\nsub.one MX 10 a\ntwo MX 10 a\na A 127.0.0.2", Script::good()).await;
    let waiver = |domain: &str, include_subdomains, mode, until: Option<&str>| TlsWaiver {
        domain: DomainPattern { domain: DomainName::parse(domain).unwrap(), include_subdomains },
        mode,
        until: until.map(|until| until.parse().unwrap()),
    };
    let (over, later) = (Some("2001-01-01T00:00:00Z"), Some("9000-01-01T00:00:00Z"));
    let (clear, strict) = (NextHopTlsMode::Opportunistic, NextHopTlsMode::Encrypt);
    let vectors = [
        (vec![], "one.test", false),
        (vec![waiver("one.test", false, clear, None)], "one.test", true),
        (vec![waiver("one.test", false, clear, None)], "ONE.test", true),
        (vec![waiver("one.test", false, clear, None)], "two.test", false),
        (vec![waiver("one.test", false, clear, None)], "sub.one.test", false),
        (vec![waiver("one.test", true, clear, None)], "sub.one.test", true),
        (vec![waiver("one.test", false, clear, later)], "one.test", true),
        (vec![waiver("one.test", false, clear, over)], "one.test", false),
        (vec![waiver("one.test", false, strict, None), waiver("one.test", false, clear, None)], "one.test", false),
        (vec![waiver("one.test", false, strict, over), waiver("one.test", false, clear, None)], "one.test", true),
    ];
    for (waivers, domain, is_sent) in vectors {
        let mx = Mx { waivers: waivers.clone(), ..scene.mx(NextHopTlsMode::Encrypt) };
        let expected = if is_sent { "250 2.0.0" } else { "451 4.7.10" };
        assert_eq!(scene.send(&scene.destination(mx), domain).await.0, expected, "{domain} with {waivers:?}");
    }
}
