//! Under the load of `smtp-source`, what the client counts as sent is what the next hop has, and what the relay's metrics say.

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{http, port, relay::Relay, sink::Sink, tool};

const MESSAGES: usize = 2_000;

#[tokio::test]
async fn every_message_of_fifty_parallel_sessions_arrives_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &[]).await?;
    let relay = Relay::start(next_hop, ListenerTls::StartTlsOptional, |_| Ok(())).await?;

    let (messages, server) = (MESSAGES.to_string(), relay.address.to_string());
    let options = ["-s", "50", "-l", "10240", "-m", &messages, "-f", "sender@client.test", "-t", "alice@example.com", &server];
    // It gives up, with an error, at the first reply that is not positive.
    tool::run("/usr/sbin/smtp-source", options).await?.expect("")?;

    let arrived = sink.messages()?;
    let whole = arrived.iter().filter(|message| message.len() > 10_240 && message.contains("X-Rcpt-Args: <alice@example.com>")).count();
    ensure!(arrived.len() == MESSAGES && whole == MESSAGES, "of {MESSAGES} messages {} arrived, {whole} of them whole", arrived.len());
    let metrics = http::get(relay.admin, "/metrics").await?.body;
    let counted = format!("postern_messages_total{{listener=\"mx\",outcome=\"delivered\"}} {MESSAGES}");
    ensure!(metrics.lines().any(|line| line == counted), "no {counted} in\n{metrics}");
    relay.stop().await
}
