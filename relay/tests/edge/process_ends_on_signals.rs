//! The end of the process: whoever asks twice does not wait, and nobody waits for ever.

use anyhow::{Result, ensure};
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
