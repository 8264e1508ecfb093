//! A relay that is killed while it has a message: the sender has no 250 for what no next hop has taken, and so keeps it.

use std::sync::Arc;

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{
    next_hop::{Act, At, Script},
    poll,
    relay::Relay,
};
use tokio::sync::Notify;

const MAIL: [&str; 2] = ["MAIL FROM:<sender@client.test>", "RCPT TO:<user@example.com>"];
const CONTENT: &str = "Subject: half\r\n\r\nthe first line of two\r\n";

#[tokio::test]
async fn killed_while_it_receives_it_has_handed_on_nothing_and_said_nothing() -> Result<()> {
    let next_hop = Script::good().start().await?;
    let mut relay = Relay::start(next_hop.address().port(), ListenerTls::StartTls, |_| Ok(())).await?;
    let mut client = relay.client().await?;
    for line in MAIL {
        client.ask(line, 250).await?;
    }
    client.ask("DATA", 354).await?;
    client.send(CONTENT).await?;
    relay.kill()?;
    relay.ended().await?;
    client.closed().await?;
    poll::until("the next hop to hear of it", async || (next_hop.record().closed() == next_hop.record().connections()).then_some(()))
        .await?;
    ensure!(next_hop.record().messages().is_empty(), "half a message was handed on");
    Ok(())
}

#[tokio::test]
async fn killed_while_the_next_hop_decides_it_has_said_nothing() -> Result<()> {
    let decided = Arc::new(Notify::new());
    let next_hop = Script::fault(At::EndOfData, Act::When(Arc::clone(&decided), Box::new(Act::Comply))).start().await?;
    let mut relay = Relay::start(next_hop.address().port(), ListenerTls::StartTls, |_| Ok(())).await?;
    let mut client = relay.client().await?;
    for line in MAIL {
        client.ask(line, 250).await?;
    }
    client.ask("DATA", 354).await?;
    client.send(format!("{CONTENT}the second\r\n.\r\n")).await?;
    poll::until("the message to be with the next hop", async || (!next_hop.record().messages().is_empty()).then_some(())).await?;
    relay.kill()?;
    relay.ended().await?;
    // It may come twice, since SMTP can't tell; it is not lost.
    client.closed().await?;
    decided.notify_one();
    Ok(())
}
