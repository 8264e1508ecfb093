//! When a connection serves another transaction, and when it must not.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{sync::Arc, time::Duration};

use handover::{Bench, clear, codes, hops, rcpt};
use postern_config::{DomainName, NextHopTlsMode, material::trust_file};
use postern_relay::delivery::{Destination, Transaction as _};
use postern_tests::{
    next_hop::{Act, Asked, At, NextHop, Record, Script},
    pki::Authority,
    poll,
};
use tokio::sync::Notify;

async fn start(decide: impl Fn(&Asked) -> Act + Send + Sync + 'static) -> NextHop {
    Script::new(decide).start().await.unwrap()
}

fn at_second_mail(act: Act) -> impl Fn(&Asked) -> Act + Send + Sync + 'static {
    move |asked| if asked.at == At::Mail && asked.taken == 1 { act.clone() } else { Act::Comply }
}

fn to(bench: &Bench, hop: &NextHop) -> Arc<Destination> {
    bench.destination(&clear(&[hop.address()]))
}

async fn kept(bench: &Bench, connections: u64) {
    poll::until("connections to be kept", async || (bench.idle() == connections).then_some(())).await.unwrap();
}

/// Sends twice; both messages must arrive, on so many connections.
async fn two_messages_take(connections: usize, hop: NextHop) -> Bench {
    let bench = Bench::new();
    for content in [b"first\r\n".as_slice(), b"second\r\n"] {
        assert_eq!(codes(&bench.send(&to(&bench, &hop), content).await), "250 2.0.0");
    }
    let contents: Vec<_> = hop.record().messages().into_iter().map(|message| message.content).collect();
    assert_eq!(contents, [b"first\r\n".to_vec(), b"second\r\n".to_vec()]);
    assert_eq!(hop.record().connections(), connections);
    bench
}

#[tokio::test]
async fn a_connection_in_order_serves_the_next_transaction() {
    let bench = two_messages_take(1, Script::good().start().await.unwrap()).await;
    assert_eq!(bench.metric("postern_next_hop_reused_connections_total"), 1);
}

#[tokio::test]
async fn transactions_at_the_same_time_have_a_connection_each() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let to = to(&bench, &hop);
    let (mut one, mut other) = (bench.begin(&to), bench.begin(&to));
    assert_eq!(codes(&one.rcpt(&rcpt("one")).await), "250 2.1.5");
    assert_eq!(codes(&other.rcpt(&rcpt("other")).await), "250 2.1.5");
    assert_eq!(codes(&one.deliver(bench.message(b"1\r\n").await).await), "250 2.0.0");
    assert_eq!(codes(&other.deliver(bench.message(b"2\r\n").await).await), "250 2.0.0");
    assert_eq!((hop.record().connections(), bench.idle()), (2, 2));
    let rcpts: Vec<_> = hop.record().messages().into_iter().map(|message| (message.rcpts, message.content)).collect();
    assert_eq!(rcpts, [(vec!["<one@example.com>".into()], b"1\r\n".to_vec()), (vec!["<other@example.com>".into()], b"2\r\n".to_vec())]);
}

#[tokio::test]
async fn recipients_of_a_transaction_share_its_connection() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let mut transaction = bench.begin(&to(&bench, &hop));
    for local in ["a", "b", "c"] {
        assert_eq!(codes(&transaction.rcpt(&rcpt(local)).await), "250 2.1.5");
    }
    assert_eq!(codes(&transaction.deliver(bench.message(b"x\r\n").await).await), "250 2.0.0");
    assert_eq!(hop.record().messages()[0].rcpts, ["<a@example.com>", "<b@example.com>", "<c@example.com>"]);
    assert_eq!((hop.record().connections(), hop.record().count("MAIL")), (1, 1));
}

/// Sends, lets the server do `act` while the connection is kept, and sends again: on another connection, which was found to be needed
/// before anything was said on the first.
async fn what_happens_while_idle_is_noticed(act: Act, has_happened: fn(&Record) -> bool) {
    let now = Arc::new(Notify::new());
    let idle = Act::When(Arc::clone(&now), Box::new(act));
    let hop = start(move |asked| if asked.at == At::Idle && asked.connection == 0 { idle.clone() } else { Act::Comply }).await;
    let bench = Bench::new();
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!(bench.idle(), 1);
    now.notify_one();
    poll::until("the server to act", async || has_happened(hop.record()).then_some(())).await.unwrap();
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!((hop.record().messages().len(), bench.metric("postern_next_hop_stale_connections_total")), (2, 1));
    let mails: Vec<_> = hop.record().commands().into_iter().filter(|(_, line)| line.starts_with("MAIL")).map(|(at, _)| at).collect();
    assert_eq!(mails, [0, 1]);
}

#[tokio::test]
async fn a_connection_that_closed_while_it_was_idle_is_not_used() {
    what_happens_while_idle_is_noticed(Act::Close, |record| record.closed() == 1).await;
}

#[tokio::test]
async fn a_connection_that_spoke_while_it_was_idle_is_not_used() {
    for words in ["421 4.4.2 idle too long\r\n", "250 2.0.0 Ok\r\n", "2"] {
        what_happens_while_idle_is_noticed(Act::Write(words.into()), |record| record.rests() == 1).await;
    }
}

#[tokio::test]
async fn a_connection_that_speaks_with_its_last_reply_is_not_kept() {
    let hop =
        start(|asked| if asked.at == At::EndOfData { Act::Write(b"250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n".into()) } else { Act::Comply }).await;
    two_messages_take(2, hop).await;
}

#[tokio::test]
async fn a_kept_connection_that_fails_before_its_first_reply_is_replaced_by_a_fresh_one() {
    for act in [Act::Close, Act::say_and_close("421 4.4.2 too late"), Act::Write(b"what?\r\n".to_vec())] {
        let hop = start(at_second_mail(act)).await;
        let bench = two_messages_take(2, hop).await;
        assert_eq!(bench.metric("postern_next_hop_stale_connections_total"), 1);
    }
}

#[tokio::test]
async fn a_refusal_on_a_kept_connection_is_an_answer() {
    let hop = start(at_second_mail(Act::say("550 5.7.1 not twice"))).await;
    let bench = Bench::new();
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "550 5.7.1");
    assert_eq!(hop.record().connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_fails_after_its_first_reply_is_a_failure() {
    let hop = start(|asked| if asked.at == At::Rcpt && asked.taken == 1 { Act::Close } else { Act::Comply }).await;
    let bench = Bench::new();
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "451 4.4.2");
    assert_eq!(hop.record().connections(), 1);
}

#[tokio::test]
async fn an_abandoned_transaction_is_reset_and_its_connection_kept() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let mut transaction = bench.begin(&to(&bench, &hop));
    assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), "250 2.1.5");
    transaction.abandon();
    kept(&bench, 1).await;
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!((hop.record().connections(), hop.record().count("RSET")), (1, 1));
}

#[tokio::test]
async fn a_dropped_transaction_is_reset_too() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let mut transaction = bench.begin(&to(&bench, &hop));
    assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), "250 2.1.5");
    drop(transaction);
    kept(&bench, 1).await;
    assert_eq!(hop.record().count("RSET"), 1);
}

#[tokio::test]
async fn a_connection_that_can_not_be_reset_is_closed() {
    for act in [Act::say("500 5.5.1 what?"), Act::Close, Act::say("354 odd")] {
        let hop = start(move |asked| if asked.at == At::Rset { act.clone() } else { Act::Comply }).await;
        let bench = Bench::new();
        let mut transaction = bench.begin(&to(&bench, &hop));
        assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), "250 2.1.5");
        transaction.abandon();
        poll::until("RSET", async || (hop.record().count("RSET") == 1).then_some(())).await.unwrap();
        assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
        assert_eq!(hop.record().connections(), 2);
    }
}

#[tokio::test]
async fn a_step_that_is_cancelled_closes_its_connection() {
    let hop = start(|asked| if asked.line.contains("slow") { Act::Hang } else { Act::Comply }).await;
    let bench = Bench::new();
    let mut transaction = bench.begin(&to(&bench, &hop));
    assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), "250 2.1.5");
    let cancelled = tokio::time::timeout(Duration::from_millis(50), transaction.rcpt(&rcpt("slow"))).await;
    assert!(cancelled.is_err());
    assert_eq!(codes(&transaction.rcpt(&rcpt("other")).await), "451 4.4.2");
    transaction.abandon();
    assert_eq!((bench.idle(), hop.record().count("RSET")), (0, 0));
}

#[tokio::test]
async fn a_server_that_takes_one_transaction_for_a_connection_gets_no_second() {
    let hop = Script::good().offering(&["PIPELINING", "LIMITS MAILMAX=1"]).start().await.unwrap();
    two_messages_take(2, hop).await;
}

#[tokio::test]
async fn connections_made_in_another_way_are_not_shared() {
    let authority = Authority::new("pool").unwrap();
    let certificate = authority.server(&["one.test", "other.test"]).unwrap();
    let hop = Script::good().with_tls(certificate.server_config().unwrap()).start().await.unwrap();
    let bench = Bench::new();
    authority.write(&bench.folder.path().join(trust_file("ca"))).unwrap();
    authority.write(&bench.folder.path().join(trust_file("both"))).unwrap();
    let mut both = authority.pem();
    both.push_str(&Authority::new("second").unwrap().pem());
    std::fs::write(bench.folder.path().join(trust_file("both")), both).unwrap();
    authority.client("relay.example.com").unwrap().write_as(bench.folder.path(), "client").unwrap();

    let verify = |server_name: &str, trust: &str, client: Option<&str>| {
        let mut next_hops = hops(NextHopTlsMode::Verify, &[hop.address()]);
        next_hops.tls.server_name = Some(DomainName::parse(server_name).unwrap());
        next_hops.tls.trust = vec![trust.to_owned()];
        next_hops.tls.client_certificate = client.map(str::to_owned);
        next_hops
    };
    let ways = [
        verify("one.test", "ca", None),
        verify("other.test", "ca", None),
        verify("one.test", "both", None),
        verify("one.test", "ca", Some("client")),
        hops(NextHopTlsMode::Encrypt, &[hop.address()]),
        hops(NextHopTlsMode::Opportunistic, &[hop.address()]),
    ];
    for way in &ways {
        assert_eq!(codes(&bench.send(&bench.destination(way), b"x\r\n").await), "250 2.0.0", "{way:?}");
    }
    assert_eq!(hop.record().connections(), ways.len());
    for way in &ways {
        assert_eq!(codes(&bench.send(&bench.destination(way), b"x\r\n").await), "250 2.0.0", "{way:?}");
    }
    assert_eq!(hop.record().connections(), ways.len(), "each way finds its own");
}

#[tokio::test]
async fn equal_destinations_of_two_configurations_share_connections() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let (one, other) = (to(&bench, &hop), to(&bench, &hop));
    assert_eq!(codes(&bench.send(&one, b"x\r\n").await), "250 2.0.0");
    assert_eq!(codes(&bench.send(&other, b"x\r\n").await), "250 2.0.0");
    assert_eq!(hop.record().connections(), 1);
}

/// With the clock of the test, which runs ahead whenever all wait.
#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_needs_is_ended_in_good_order() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    assert_eq!(codes(&bench.send(&to(&bench, &hop), b"x\r\n").await), "250 2.0.0");
    assert_eq!(bench.idle(), 1);
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert_eq!(bench.idle(), 0);
    poll::until("QUIT", async || (hop.record().count("QUIT") == 1).then_some(())).await.unwrap();
}
