//! SIGTERM ends a relay gently: nobody new is let in, sessions between transactions hear 421, a transaction that runs is finished, and the
//! process exits 0.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{mail_server::MailServer as _, poll, port, relay::Relay, sink::Sink, site::Site};
use tokio::net::TcpStream;

/// Waits until nobody answers at `address`.
async fn is_closed(address: SocketAddr) -> Result<()> {
    let refused = async || TcpStream::connect(address).await.is_err().then_some(());
    poll::until("the listener to close", refused).await
}

#[tokio::test]
async fn sigterm_finishes_the_transaction_that_runs_and_lets_nobody_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &[]).await?;
    let mut relay = Relay::start(next_hop, ListenerTls::StartTls, |_| Ok(())).await?;

    let mut idle = relay.client().await?;
    let mut busy = relay.client().await?;
    busy.ask("MAIL FROM:<sender@client.test>", 250).await?;
    busy.ask("RCPT TO:<alice@example.com>", 250).await?;
    busy.ask("DATA", 354).await?;
    busy.send("Subject: begun before SIGTERM\r\n").await?;

    relay.terminate()?;
    is_closed(relay.address).await?;
    let farewell = idle.expect(421).await?;
    ensure!(farewell.enhanced() == Some("4.3.2"), "{farewell}");
    idle.closed().await?;

    busy.send("\r\nfinished after it\r\n").await?;
    busy.ask(".", 250).await?;
    busy.expect(421).await?;
    busy.closed().await?;
    let status = relay.ended().await?;
    ensure!(status.success(), "the relay ended with {status}");
    let arrived = sink.messages()?;
    ensure!(arrived.len() == 1 && arrived[0].contains("finished after it"), "{arrived:?}");
    Ok(())
}

/// Endpoints lag: for a while after SIGTERM, connections are still sent to a pod.
#[tokio::test]
async fn until_the_delay_is_over_new_connections_are_served_to_the_next_hop() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let sink = Sink::start(next_hop, &folder.path().join("sink"), &[]).await?;
    let mut relay = Relay::start_with(&["--drain-delay", "3600"], next_hop, ListenerTls::StartTls, |_| Ok(())).await?;
    relay.terminate()?;
    relay.says("ending soon").await?;
    let mut client = relay.client().await?;
    let reply = client.mail("sender@client.test", "alice@example.com", "Subject: come after SIGTERM\r\n\r\n").await?;
    ensure!(reply.code == 250, "{reply}");
    let arrived = sink.messages()?;
    ensure!(arrived.len() == 1 && arrived[0].contains("come after SIGTERM"), "{arrived:?}");
    // Whoever asks again does not wait.
    relay.terminate()?;
    let status = relay.ended().await?;
    ensure!(status.success(), "the relay ended with {status}");
    Ok(())
}

#[tokio::test]
async fn sigterm_to_standalone_drains_its_relay_too() -> Result<()> {
    let mut site = Site::open().await?;
    let mut busy = site.gate.client().await?;
    busy.ask("MAIL FROM:<sender@client.test>", 250).await?;
    busy.ask("RCPT TO:<alice@example.com>", 250).await?;
    busy.ask("DATA", 354).await?;

    site.gate.process.terminate()?;
    is_closed(site.gate.starttls).await?;
    busy.send("Subject: begun before SIGTERM\r\n\r\n").await?;
    busy.ask(".", 250).await?;
    let status = site.gate.process.ended().await?;
    ensure!(status.success(), "standalone ended with {status}");
    site.postfix.arrival("alice@example.com", "Subject: begun before SIGTERM").await?;
    site.postfix.stop().await
}
