//! Ports open and close with the configuration, and what goes on on the others is not touched.

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{client::Client, config::RelayFolder, poll};

use crate::running::Running;

fn second(folder: &mut RelayFolder) {
    folder.listen("second", ListenerTls::StartTls).unwrap();
}

#[tokio::test]
async fn a_new_listener_is_open_as_soon_as_its_configuration_is_in_use() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut session = relay.client().await?;
    relay.edit(second).await?;
    Client::connect(relay.address(1)).await?.expect(220).await?;
    session.ask("NOOP", 250).await?;
    relay.client().await?;
    ensure!(relay.status().await?["listeners"].as_array().is_some_and(|listeners| listeners.len() == 2));
    Ok(())
}

#[tokio::test]
async fn a_listener_that_is_gone_is_closed_and_its_sessions_go_on() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, second).await?;
    let second = relay.address(1);
    let mut session = Client::connect(second).await?;
    session.expect(220).await?;
    relay.edit(|folder| drop(folder.root.listeners.pop())).await?;
    let refused = async || Client::connect(second).await.is_err().then_some(());
    poll::until("the port to be closed", refused).await?;
    session.ask("EHLO client.test", 250).await?;
    relay.client().await?;
    Ok(())
}

#[tokio::test]
async fn a_listener_that_changes_on_its_port_serves_new_connections_in_the_new_way() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut session = relay.client().await?;
    relay.edit(|folder| folder.root.listeners[0].tls = ListenerTls::Implicit).await?;
    let trust = relay.trust(postern_tests::config::HOSTNAME)?;
    Client::connect_tls(relay.address(0), &trust).await?.expect(220).await?;
    session.ask("MAIL FROM:<a@client.test>", 250).await?;
    Ok(())
}
