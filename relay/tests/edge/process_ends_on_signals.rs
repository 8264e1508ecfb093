//! The end of the process: whoever asks twice does not wait, and nobody waits for ever.

use anyhow::{Result, ensure};
use postern_tests::http;
use rustix::process::Signal;

use crate::process::Started;

#[tokio::test]
async fn a_second_signal_ends_at_once() -> Result<()> {
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::TERM)] {
        let mut relay = Started::with(&[]).await?;
        let mut client = relay.client().await?;
        relay.process.signal(first)?;
        relay.process.line("transactions finish").await?;
        client.ask("NOOP", 250).await?;
        relay.process.signal(second)?;
        relay.process.line("ending at once").await?;
        let status = relay.process.ended().await?;
        ensure!(status.success(), "{status}");
        client.closed().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_process_ends_when_the_grace_is_over() -> Result<()> {
    let mut relay = Started::with(&["--grace", "1"]).await?;
    let mut client = relay.client().await?;
    relay.process.terminate()?;
    relay.process.line(r#""sessions":1"#).await?;
    let status = relay.process.ended().await?;
    ensure!(status.success(), "{status}");
    client.closed().await
}

#[tokio::test]
async fn while_the_delay_lasts_clients_are_served_and_a_second_signal_ends_at_once() -> Result<()> {
    let mut relay = Started::with(&["--drain-delay", "3600"]).await?;
    let mut before = relay.client().await?;
    relay.process.terminate()?;
    relay.process.line("ending soon").await?;
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    let mut after = relay.client().await?;
    for client in [&mut before, &mut after] {
        client.ask("RSET", 250).await?;
        client.ask("MAIL FROM:<another@client.test>", 250).await?;
    }
    relay.process.terminate()?;
    relay.process.line("ending at once").await?;
    let status = relay.process.ended().await?;
    ensure!(status.success(), "{status}");
    after.closed().await
}

#[tokio::test]
async fn when_the_delay_is_over_the_relay_drains() -> Result<()> {
    let mut relay = Started::with(&["--drain-delay", "1"]).await?;
    let mut client = relay.client().await?;
    relay.process.terminate()?;
    relay.process.line("transactions finish").await?;
    client.ask("RSET", 250).await?;
    client.expect(421).await?;
    let status = relay.process.ended().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}
