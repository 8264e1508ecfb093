//! Clients that come with an address of the cluster, behind which anyone may be: no limit of one client is theirs, and they are counted apart.

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, ProxyProtocol};
use postern_tests::{client::Client, config::RelayFolder};
use serde_json::json;

use crate::running::{NODE, Running};

/// Pods have addresses in 10.244.0.0/16 and `fd00:244::/64`; a proxy tells the client's.
fn in_a_cluster(folder: &mut RelayFolder) {
    let rule = ProxyProtocol { trusted_cidrs: vec!["127.0.0.0/8".parse().unwrap()] };
    folder.root.listeners[0].proxy_protocol = Some(rule);
    folder.root.cluster_cidrs = ["10.244.0.0/16", "fd00:244::/64"].map(|network| network.parse().unwrap()).to_vec();
}

/// A session of the client at `address` that said EHLO; an error when it is turned away.
async fn from(relay: &Running, address: &str) -> Result<Client> {
    let (family, to) = if address.contains(':') { ("TCP6", "2001:db8::25") } else { ("TCP4", "192.0.2.25") };
    let mut client = relay.connect().await?;
    client.send(format!("PROXY {family} {address} {to} 4000 25\r\n")).await?;
    client.expect(220).await?;
    client.ask("EHLO client.test", 250).await?;
    Ok(client)
}

async fn counts(relay: &Running) -> Result<serde_json::Value> {
    Ok(relay.status().await?["clients"].clone())
}

#[tokio::test]
async fn no_limit_of_one_client_holds_for_them_and_that_of_the_pod_does() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |folder| {
        in_a_cluster(folder);
        let limits = &mut folder.root.limits;
        (limits.connections_per_client, limits.messages_per_client_per_minute, limits.connections) = (1, 1, 7);
    })
    .await?;
    let node = NODE.to_string();
    let mut sessions = Vec::new();
    for address in ["10.244.3.4", &node, "fd00:244::9"] {
        for _ in 0..2 {
            let mut session = from(&relay, address).await?;
            for _ in 0..3 {
                session.ask("MAIL FROM:<a@client.test>", 250).await?;
                session.ask("RSET", 250).await?;
            }
            sessions.push(session);
        }
    }
    let mut own = from(&relay, "203.0.113.7").await?;
    own.ask("MAIL FROM:<a@client.test>", 250).await?;
    own.ask("RSET", 250).await?;
    own.ask("MAIL FROM:<a@client.test>", 451).await?;
    // Seven are open: the pod is full, for the cluster's addresses too.
    let refused = from(&relay, "10.244.3.4").await.err().map(|error| error.to_string());
    ensure!(refused.as_ref().is_some_and(|error| error.contains("421")), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_client_is_counted_once_when_it_begins_a_message() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, in_a_cluster).await?;
    let node = NODE.to_string();
    // Who says no MAIL is nobody: health checks and scanners come from the cluster's own addresses.
    for address in ["10.244.3.4", "203.0.113.7", &node] {
        from(&relay, address).await?.ask("QUIT", 221).await?;
    }
    ensure!(counts(&relay).await? == json!({"own": 0, "cluster": 0}));

    let own = ["203.0.113.7", "203.0.113.7", "2001:db8::7", "10.245.0.1", "fd00:244:0:1::9"];
    let cluster = ["10.244.3.4", "::ffff:10.244.3.4", "fd00:244::9", &node];
    for address in own.into_iter().chain(cluster) {
        let mut client = from(&relay, address).await?;
        for _ in 0..3 {
            client.ask("MAIL FROM:<a@client.test>", 250).await?;
            client.ask("RSET", 250).await?;
        }
    }
    ensure!(counts(&relay).await? == json!({"own": own.len(), "cluster": cluster.len()}), "{}", counts(&relay).await?);
    ensure!(relay.metric(r#"postern_clients_total{origin="own"}"#).await? == own.len() as u64);
    ensure!(relay.metric(r#"postern_clients_total{origin="cluster"}"#).await? == cluster.len() as u64);
    Ok(())
}

#[tokio::test]
async fn a_session_that_goes_to_tls_is_the_same_client() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut client = relay.client().await?;
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    client.ask("RSET", 250).await?;
    let mut client = client.starttls(&relay.trust(postern_tests::config::HOSTNAME)?).await?;
    client.ask("EHLO client.test", 250).await?;
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    ensure!(counts(&relay).await? == json!({"own": 1, "cluster": 0}));
    Ok(())
}

#[tokio::test]
async fn without_a_proxy_the_peer_is_the_client_and_new_ranges_count_at_once() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |folder| folder.root.limits.connections_per_client = 1).await?;
    let first = relay.client().await?;
    relay.connect().await?.expect(421).await?;
    relay.edit(|folder| folder.root.cluster_cidrs = vec!["127.0.0.0/8".parse().unwrap()]).await?;
    let mut second = relay.client().await?;
    second.ask("MAIL FROM:<a@client.test>", 250).await?;
    ensure!(counts(&relay).await? == json!({"own": 0, "cluster": 1}));
    drop(first);
    Ok(())
}
