//! The end: no new connections, transactions finish, the others hear 421.

use std::time::Duration;

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_relay::listen::Drained;
use postern_tests::{client::Client, http, poll};

use crate::running::Running;

#[tokio::test]
async fn a_transaction_finishes_an_idle_session_hears_421_and_nobody_comes_in() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let (mut busy, mut idle) = (relay.client().await?, relay.client().await?);
    busy.ask("MAIL FROM:<a@client.test>", 250).await?;

    let session = async {
        idle.expect(421).await?;
        idle.closed().await?;
        ensure!(relay.status().await?["draining"] == true);
        ensure!(http::get(relay.admin, "/readyz").await?.status == 503);
        ensure!(http::get(relay.admin, "/healthz").await?.status == 200);
        let refused = async || Client::connect(relay.address(0)).await.is_err().then_some(());
        poll::until("the port to be closed", refused).await?;
        busy.ask("RCPT TO:<b@example.com>", 250).await?;
        ensure!(busy.data("Subject: the last\r\n\r\n").await?.code == 250);
        busy.expect(421).await?;
        busy.closed().await
    };
    let (drained, session) = tokio::join!(relay.drain(poll::PATIENCE), session);
    session?;
    ensure!(drained == Drained::Whole, "{drained:?}");
    ensure!(relay.taken.last().contains("Subject: the last"));
    Ok(())
}

#[tokio::test]
async fn a_session_that_does_not_end_is_cut_when_the_grace_is_over() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut client = relay.client().await?;
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    let drained = relay.drain(Duration::from_millis(50)).await;
    ensure!(drained == Drained::Cut(1), "{drained:?}");
    Ok(())
}

#[tokio::test]
async fn a_relay_without_sessions_ends_at_once() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let drained = poll::within("the drain", relay.drain(Duration::from_hours(1))).await?;
    ensure!(drained == Drained::Whole, "{drained:?}");
    Ok(())
}
