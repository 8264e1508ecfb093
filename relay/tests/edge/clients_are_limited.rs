//! How many connections there may be, in all and from one client, and how many messages.
//!
//! Clients with addresses of their own come through a proxy.

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, ProxyProtocol};
use postern_tests::{client::Client, config::RelayFolder};

use crate::running::Running;

/// Lets this machine say who the client is.
fn behind_a_proxy(folder: &mut RelayFolder) {
    let rule = ProxyProtocol { trusted_cidrs: vec!["127.0.0.0/8".parse().unwrap()] };
    folder.root.listeners[0].proxy_protocol = Some(rule);
}

/// Connects as the client at `address`.
async fn from(relay: &Running, address: &str) -> Result<Client> {
    let (family, to) = if address.contains(':') { ("TCP6", "2001:db8::25") } else { ("TCP4", "192.0.2.25") };
    let mut client = relay.connect().await?;
    client.send(format!("PROXY {family} {address} {to} 4000 25\r\n")).await?;
    Ok(client)
}

/// Whether the client at `address` is let in; if so, it stays.
async fn enters(relay: &Running, address: &str) -> Result<Option<Client>> {
    let mut client = from(relay, address).await?;
    let reply = client.reply().await?;
    if reply.code == 220 {
        return Ok(Some(client));
    }
    ensure!(reply.code == 421 && reply.enhanced() == Some("4.7.0"), "{reply}");
    client.closed().await?;
    Ok(None)
}

#[tokio::test]
async fn more_connections_than_the_pod_may_have_are_told_at_the_banner() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |folder| folder.root.limits.connections = 2).await?;
    let (first, _second) = (relay.client().await?, relay.client().await?);
    let mut third = relay.connect().await?;
    let reply = third.expect(421).await?;
    ensure!(reply.enhanced() == Some("4.3.2"), "{reply}");
    third.closed().await?;
    ensure!(relay.status().await?["connections"] == 2);
    ensure!(relay.metric(r#"postern_connections_refused_total{listener="mx",reason="connections"}"#).await? == 1);
    ensure!(relay.metric(r#"postern_connections_accepted_total{listener="mx"}"#).await? == 2);

    drop(first);
    relay.soon("a place to be free", async |status| status["connections"] == 1).await?;
    relay.client().await?;
    Ok(())
}

#[tokio::test]
async fn where_tls_is_implicit_a_connection_too_many_is_closed_without_a_word() -> Result<()> {
    let relay = Running::start(ListenerTls::Implicit, |folder| folder.root.limits.connections = 1).await?;
    let trust = relay.trust(postern_tests::config::HOSTNAME)?;
    let mut first = Client::connect_tls(relay.address(0), &trust).await?;
    first.expect(220).await?;
    relay.connect().await?.closed().await
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_others_still_come_in() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |folder| {
        behind_a_proxy(folder);
        folder.root.limits.connections_per_client = 2;
    })
    .await?;
    let first = enters(&relay, "203.0.113.7").await?;
    let _second = enters(&relay, "203.0.113.7").await?;
    ensure!(first.is_some() && enters(&relay, "203.0.113.7").await?.is_none());
    ensure!(enters(&relay, "203.0.113.8").await?.is_some());
    ensure!(relay.metric(r#"postern_connections_refused_total{listener="mx",reason="connections_per_client"}"#).await? == 1);

    drop(first);
    let free = async || enters(&relay, "203.0.113.7").await.ok().flatten();
    postern_tests::poll::until("a place of the client's to be free", free).await?;
    Ok(())
}

#[tokio::test]
async fn an_ipv6_client_is_its_64_and_an_ipv4_client_is_one_however_it_is_written() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |folder| {
        behind_a_proxy(folder);
        folder.root.limits.connections_per_client = 1;
    })
    .await?;
    let _one = enters(&relay, "2001:db8:1:2::1").await?;
    ensure!(enters(&relay, "2001:db8:1:2:ffff::9").await?.is_none(), "the same /64");
    ensure!(enters(&relay, "2001:db8:1:3::1").await?.is_some(), "another /64");
    let _two = enters(&relay, "203.0.113.7").await?;
    ensure!(enters(&relay, "::ffff:203.0.113.7").await?.is_none(), "the same IPv4 address");
    ensure!(enters(&relay, "::ffff:203.0.113.8").await?.is_some(), "another IPv4 address");
    Ok(())
}

#[tokio::test]
async fn a_source_that_many_clients_share_is_not_one_client() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |folder| {
        behind_a_proxy(folder);
        let limits = &mut folder.root.limits;
        (limits.connections_per_client, limits.messages_per_client_per_minute, limits.connections) = (1, 1, 4);
        limits.shared_source_cidrs = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await?;
    let mut shared = Vec::new();
    for _ in 0..3 {
        shared.extend(enters(&relay, "10.1.2.3").await?);
    }
    ensure!(shared.len() == 3);
    for _ in 0..3 {
        begins_message(&mut shared[0]).await?;
    }
    // The limit of the whole pod is for all.
    let _fourth = enters(&relay, "203.0.113.7").await?;
    let reply = from(&relay, "10.1.2.3").await?.expect(421).await?;
    ensure!(reply.enhanced() == Some("4.3.2"), "{reply}");
    Ok(())
}

/// Begins a message and gives it up; an error unless MAIL is answered 250.
async fn begins_message(client: &mut Client) -> Result<()> {
    client.ask("EHLO client.test", 250).await?;
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    client.ask("RSET", 250).await?;
    Ok(())
}

#[tokio::test]
async fn a_client_begins_so_many_messages_in_a_minute_over_all_its_connections() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |folder| {
        behind_a_proxy(folder);
        folder.root.limits.messages_per_client_per_minute = 2;
    })
    .await?;
    let mut one = enters(&relay, "203.0.113.7").await?.unwrap();
    let mut two = enters(&relay, "203.0.113.7").await?.unwrap();
    begins_message(&mut one).await?;
    begins_message(&mut two).await?;
    let reply = one.ask("MAIL FROM:<a@client.test>", 451).await?;
    ensure!(reply.enhanced() == Some("4.7.1"), "{reply}");
    begins_message(&mut enters(&relay, "203.0.113.8").await?.unwrap()).await?;

    // A higher limit counts at once, for sessions that are open too.
    relay.edit(|folder| folder.root.limits.messages_per_client_per_minute = 1_000).await?;
    begins_message(&mut one).await
}

#[tokio::test]
async fn a_lower_limit_counts_at_once_and_sessions_that_are_open_stay() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let (mut first, _second) = (relay.client().await?, relay.client().await?);
    relay.edit(|folder| folder.root.limits.connections = 1).await?;
    relay.connect().await?.expect(421).await?;
    first.ask("NOOP", 250).await?;
    Ok(())
}
