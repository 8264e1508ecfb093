//! Five hundred messages at once, far more than the budgets hold, never take more memory than a small pod has: what fits is delivered, and
//! the senders of the rest are told to come again.

use std::sync::Arc;

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{
    client::{Client, Reply},
    footprint::Footprint,
    poll, port,
    relay::Relay,
    sink::Sink,
};
use tokio::{sync::Barrier, task::JoinSet};

const SESSIONS: usize = 500;
/// 1 MiB each, several times what the budgets hold together.
const MESSAGE_BYTES: usize = 1 << 20;
const LINE: &str = "one line of very many\r\n";
const SCRATCH_BYTES: u64 = 128 << 20;
/// The memory of a small pod, in KiB.
const POD_KIB: u64 = 256 << 10;

/// Sends everything but the dot, waits for all others, then sends the dot. A message that is not taken is refused at one of these steps.
async fn send(mut client: Client, content: Arc<String>, everyone: Arc<Barrier>) -> Result<Reply> {
    let begun = begin(&mut client, &content).await;
    everyone.wait().await;
    match begun? {
        Some(refusal) => Ok(refusal),
        None => client.command(".").await,
    }
}

async fn begin(client: &mut Client, content: &str) -> Result<Option<Reply>> {
    for line in ["MAIL FROM:<sender@client.test>", "RCPT TO:<alice@example.com>", "DATA"] {
        let reply = client.command(line).await?;
        if !reply.is_positive() {
            return Ok(Some(reply));
        }
    }
    client.send(content).await?;
    Ok(None)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_large_messages_at_once_fit_into_a_small_pod() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &[]).await?;
    let relay = Relay::start(next_hop, ListenerTls::StartTlsOptional, |config| {
        config.root.limits.scratch_bytes = SCRATCH_BYTES;
        Ok(())
    });
    let relay = relay.await?;

    let (content, everyone) = (Arc::new(format!("\r\n{}", LINE.repeat(MESSAGE_BYTES / LINE.len()))), Arc::new(Barrier::new(SESSIONS)));
    let mut senders = JoinSet::new();
    for _ in 0..SESSIONS {
        let mut client = Client::connect(relay.address).await?;
        client.expect(220).await?;
        client.ask("EHLO client.test", 250).await?;
        senders.spawn(send(client, Arc::clone(&content), Arc::clone(&everyone)));
    }
    let (mut accepted, mut refused) = (0, 0);
    while let Some(reply) = poll::within("every sender to be answered", senders.join_next()).await? {
        let reply = reply??;
        match (reply.code, reply.enhanced()) {
            (250, _) => accepted += 1,
            (452, Some("4.3.1")) => refused += 1,
            _ => anyhow::bail!("a sender heard {reply}"),
        }
    }
    let peak = Footprint::of(relay.id())?.peak;
    println!("{accepted} of {SESSIONS} messages accepted, {refused} asked to come again; {} MiB of memory at most", peak >> 10);
    ensure!(accepted > 0 && refused > 0, "the budgets were not reached, so the test proves nothing");
    ensure!(peak < POD_KIB, "{peak} KiB");
    ensure!(sink.count()? == accepted, "{} of {accepted} accepted messages arrived", sink.count()?);
    relay.stop().await
}
