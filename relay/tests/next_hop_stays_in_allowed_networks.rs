//! Whoever may name a next hop reaches no other networks than the domain is allowed, whatever the name resolves to.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::net::{IpAddr, SocketAddr};

use handover::{Bench, codes, hops, named_hops, resolver};
use postern_config::{NextHopTlsMode, NextHops};
use postern_tests::{
    name_server::{Answer, NameServer},
    next_hop::{NextHop, Script},
    port,
};

const MODE: NextHopTlsMode = NextHopTlsMode::Opportunistic;
const NOT_ALLOWED: &str = "451 4.4.4";
const TAKEN: &str = "250 2.0.0";

fn allowing(next_hops: NextHops, networks: &[&str]) -> NextHops {
    NextHops { allowed_cidrs: networks.iter().map(|network| network.parse().unwrap()).collect(), ..next_hops }
}

async fn at(address: &str, port: u16) -> NextHop {
    Script::good().listen(SocketAddr::new(address.parse().unwrap(), port)).await.unwrap()
}

/// What a sender hears whose mail goes to a name with these addresses.
async fn sent_to_a_name(addresses: &[&str], port: u16, allowed: &[&str]) -> String {
    let addresses = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
    let name_server = NameServer::start(&[("hop.test", Answer::Addresses(addresses))]).await.unwrap();
    let bench = Bench::with_resolver(resolver(Some(name_server.address())));
    let to = bench.destination(&allowing(named_hops(MODE, &[("hop.test".to_owned(), port)]), allowed));
    codes(&bench.send(&to, b"x\r\n").await)
}

#[tokio::test]
async fn an_address_outside_is_skipped_and_one_inside_is_asked() {
    let port = port::free().unwrap();
    let (outside, inside) = (at("127.0.0.2", port).await, at("127.0.0.3", port).await);
    for _ in 0..8 {
        assert_eq!(sent_to_a_name(&["127.0.0.2", "127.0.0.3"], port, &["192.0.2.0/24", "127.0.0.3/32"]).await, TAKEN);
    }
    assert_eq!((outside.record().connections(), inside.record().messages().len()), (0, 8));
}

#[tokio::test]
async fn a_name_with_no_address_inside_is_asked_nowhere() {
    let port = port::free().unwrap();
    let (v4, v6) = (at("127.0.0.2", port).await, at("::1", port).await);
    assert_eq!(sent_to_a_name(&["127.0.0.2", "::1"], port, &["192.0.2.0/24", "2001:db8::/32"]).await, NOT_ALLOWED);
    assert_eq!((v4.record().connections(), v6.record().connections()), (0, 0));
    // The same name, allowed.
    assert_eq!(sent_to_a_name(&["127.0.0.2"], port, &[]).await, TAKEN);
}

#[tokio::test]
async fn many_addresses_outside_do_not_hide_the_one_inside() {
    let port = port::free().unwrap();
    let _inside = at("127.0.0.3", port).await;
    let outside: Vec<_> = (0..20).map(|last| format!("127.0.1.{last}")).collect();
    let addresses: Vec<_> = outside.iter().map(String::as_str).chain(["127.0.0.3"]).collect();
    assert_eq!(sent_to_a_name(&addresses, port, &["127.0.0.3/32"]).await, TAKEN);
}

#[tokio::test]
async fn an_ipv4_address_that_is_written_as_ipv6_is_the_ipv4_address() {
    let port = port::free().unwrap();
    let hop = at("127.0.0.2", port).await;
    assert_eq!(sent_to_a_name(&["::ffff:127.0.0.2"], port, &["::/0"]).await, NOT_ALLOWED);
    assert_eq!(hop.record().connections(), 0);
    assert_eq!(sent_to_a_name(&["::ffff:127.0.0.2"], port, &["127.0.0.0/8"]).await, TAKEN);
}

#[tokio::test]
async fn an_address_is_held_to_the_networks_too() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let to = bench.destination(&allowing(hops(MODE, &[hop.address()]), &["192.0.2.0/24"]));
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), NOT_ALLOWED);
    assert_eq!(hop.record().connections(), 0);
}

#[tokio::test]
async fn a_connection_that_another_domain_made_is_no_way_in() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    let anywhere = hops(MODE, &[hop.address()]);
    assert_eq!(codes(&bench.send(&bench.destination(&anywhere), b"x\r\n").await), TAKEN);
    assert_eq!(bench.idle(), 1);
    let to = bench.destination(&allowing(anywhere, &["192.0.2.0/24"]));
    assert_eq!(codes(&bench.send(&to, b"x\r\n").await), NOT_ALLOWED);
    assert_eq!(hop.record().messages().len(), 1);
}
