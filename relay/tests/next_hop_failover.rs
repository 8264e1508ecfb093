//! Which server is asked when there are several, and when another one is.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use handover::{Bench, clear, closed_port, codes, named_hops, rcpt, resolver};
use postern_config::{NextHopTlsMode, NextHops};
use postern_relay::delivery::Transaction as _;
use postern_tests::{
    name_server::{Answer, NameServer},
    next_hop::{Act, At, NextHop, Script},
    port,
};
use tokio::{net::TcpListener, time::Instant};

async fn good() -> NextHop {
    Script::good().start().await.unwrap()
}

fn equal_priorities(mut hops: NextHops, weights: &[u16]) -> NextHops {
    for (hop, weight) in hops.hops.iter_mut().zip(weights) {
        (hop.priority, hop.weight) = (10, *weight);
    }
    hops
}

#[tokio::test]
async fn the_lowest_priority_is_asked_and_no_other_while_it_answers() {
    let (first, second) = (good().await, good().await);
    let bench = Bench::new();
    let to = bench.destination(&clear(&[first.address(), second.address()]));
    for _ in 0..20 {
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
    }
    assert_eq!((first.record().messages().len(), second.record().connections()), (20, 0));
}

#[tokio::test]
async fn servers_of_the_same_priority_share_the_mail() {
    let (one, other) = (good().await, good().await);
    let bench = Bench::new();
    let to = bench.destination(&equal_priorities(clear(&[one.address(), other.address()]), &[1, 1]));
    for _ in 0..100 {
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
    }
    // A fair coin falls 100 times on one side once in 2^99.
    assert!(!one.record().messages().is_empty() && !other.record().messages().is_empty());
}

#[tokio::test]
async fn a_server_that_failed_is_not_asked_first_by_the_next_transactions() {
    let busy = Script::fault(At::Banner, Act::say_and_close("421 4.3.2 busy")).start().await.unwrap();
    let second = good().await;
    let bench = Bench::new();
    let to = bench.destination(&clear(&[busy.address(), second.address()]));
    for _ in 0..5 {
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
    }
    assert_eq!((busy.record().connections(), second.record().messages().len()), (1, 5));
}

#[tokio::test]
async fn a_server_that_failed_is_asked_all_the_same_when_no_other_answers() {
    let bench = Bench::new();
    let first = closed_port();
    let to = bench.destination(&clear(&[first, closed_port()]));
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "451 4.4.1");
    let _back = Script::good().listen(first).await.unwrap();
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
}

#[tokio::test]
async fn what_one_destination_learned_of_a_server_holds_for_another_with_the_same_link() {
    let busy = Script::fault(At::Banner, Act::say_and_close("421 4.3.2 busy")).start().await.unwrap();
    let second = good().await;
    let bench = Bench::new();
    let next_hops = clear(&[busy.address(), second.address()]);
    for to in [bench.destination(&next_hops), bench.destination(&next_hops)] {
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
    }
    assert_eq!(busy.record().connections(), 1);
}

#[tokio::test]
async fn no_other_server_is_asked_after_a_recipient_was_answered() {
    let first = Script::new(|asked| if asked.line.contains("second") { Act::Close } else { Act::Comply }).start().await.unwrap();
    let second = good().await;
    let bench = Bench::new();
    let mut transaction = bench.begin(&bench.destination(&clear(&[first.address(), second.address()])));
    assert_eq!(codes(&transaction.rcpt(&rcpt("first")).await), "250 2.1.5");
    assert_eq!(codes(&transaction.rcpt(&rcpt("second")).await), "451 4.4.2");
    assert_eq!(codes(&transaction.rcpt(&rcpt("third")).await), "451 4.4.2");
    assert_eq!(codes(&transaction.deliver(bench.message(b"x\r\n").await).await), "451 4.4.2");
    assert_eq!((first.record().messages().len(), second.record().connections()), (0, 0));
}

#[tokio::test]
async fn a_refused_recipient_is_not_asked_of_another_server() {
    let first = Script::fault(At::Rcpt, Act::say("550 5.1.1 unknown")).start().await.unwrap();
    let second = good().await;
    let bench = Bench::new();
    let mut transaction = bench.begin(&bench.destination(&clear(&[first.address(), second.address()])));
    for local in ["first", "second"] {
        assert_eq!(codes(&transaction.rcpt(&rcpt(local)).await), "550 5.1.1");
    }
    assert_eq!((first.record().count("MAIL"), second.record().connections()), (1, 0));
}

#[tokio::test]
async fn every_address_of_a_name_is_tried_before_the_next_server() {
    let port = port::free().unwrap();
    let good = Script::good().listen(SocketAddr::from(([127, 0, 0, 3], port))).await.unwrap();
    let addresses = ["127.0.0.2", "127.0.0.3", "::1"].map(|address| address.parse::<IpAddr>().unwrap()).to_vec();
    let name_server = NameServer::start(&[("hop.test", Answer::Addresses(addresses))]).await.unwrap();
    let bench = Bench::with_resolver(resolver(Some(name_server.address())));
    let to = bench.destination(&named_hops(NextHopTlsMode::Opportunistic, &[("hop.test".to_owned(), port)]));
    for _ in 0..8 {
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
    }
    assert_eq!(good.record().messages().len(), 8);
    assert_eq!(name_server.questions(), 2, "A and AAAA are asked once and kept");
}

#[tokio::test]
async fn an_ipv6_address_alone_is_enough() {
    let good = Script::good().listen(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))).await.unwrap();
    let name_server = NameServer::start(&[("hop.test", Answer::Addresses(vec!["::1".parse().unwrap()]))]).await.unwrap();
    let bench = Bench::with_resolver(resolver(Some(name_server.address())));
    for host in ["hop.test", "::1"] {
        let to = bench.destination(&named_hops(NextHopTlsMode::Opportunistic, &[(host.to_owned(), good.address().port())]));
        assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0", "{host}");
    }
}

#[tokio::test]
async fn localhost_needs_no_name_server() {
    let good = good().await;
    let bench = Bench::new();
    let to = bench.destination(&named_hops(NextHopTlsMode::Opportunistic, &[("localhost".to_owned(), good.address().port())]));
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "250 2.0.0");
}

#[tokio::test]
async fn names_are_asked_for_as_they_are_and_never_in_a_search_list() {
    let name_server = NameServer::start(&[]).await.unwrap();
    let bench = Bench::with_resolver(resolver(Some(name_server.address())));
    let to = bench.destination(&named_hops(NextHopTlsMode::Opportunistic, &[("hop.test".to_owned(), 25)]));
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), "451 4.4.4");
    assert_eq!(name_server.questions(), 2, "A and AAAA of one name");
}

/// With the clock of the test, which runs ahead whenever all wait.
#[tokio::test(start_paused = true)]
async fn the_search_ends_before_the_client_gives_up() {
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let addresses: Vec<_> = silent.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let bench = Bench::new();
    let mut transaction = bench.begin(&bench.destination(&clear(&addresses)));
    let begun = Instant::now();
    assert!(transaction.rcpt(&rcpt("user")).await.is_transient());
    let took = begun.elapsed();
    assert!((Duration::from_mins(1)..Duration::from_mins(5)).contains(&took), "{took:?}");
    let begun = Instant::now();
    assert!(transaction.rcpt(&rcpt("other")).await.is_transient());
    assert!(begun.elapsed() < Duration::from_secs(1), "a search that found nothing is not made again");
}
