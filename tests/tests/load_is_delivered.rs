//! Under the load of `smtp-source`, what the client counts as sent is what the next hop has.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, NextHopTlsMode};
use postern_tests::{
    config::{HOSTNAME, RelayFolder},
    pki::Authority,
    port,
    relay::Relay,
    sink::Sink,
    tool,
};

const MESSAGES: usize = 2_000;

#[tokio::test]
async fn every_message_of_fifty_parallel_sessions_arrives_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &[]).await?;
    let mut config = RelayFolder::new(&folder.path().join("config"))?;
    let address = SocketAddr::from(([127, 0, 0, 1], config.listen("mx", ListenerTls::StartTlsOptional)?));
    config.accept("example.com", next_hop, NextHopTlsMode::Opportunistic)?;
    config.show(&Authority::new("Edge CA")?.server(&[HOSTNAME])?)?;
    config.write()?;
    let relay = Relay::start(&config, folder.path()).await?;

    let (messages, server) = (MESSAGES.to_string(), address.to_string());
    let options = ["-s", "50", "-l", "10240", "-m", &messages, "-f", "sender@client.test", "-t", "alice@example.com", &server];
    // It gives up, with an error, at the first reply that is not positive.
    tool::run("/usr/sbin/smtp-source", options).await?.expect("")?;

    let arrived = sink.messages()?;
    let whole = arrived.iter().filter(|message| message.len() > 10_240 && message.contains("X-Rcpt-Args: <alice@example.com>")).count();
    ensure!(arrived.len() == MESSAGES && whole == MESSAGES, "of {MESSAGES} messages {} arrived, {whole} of them whole", arrived.len());
    relay.stop().await
}
