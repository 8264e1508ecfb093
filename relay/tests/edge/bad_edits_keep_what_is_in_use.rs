//! A bad edit changes nothing, and is explained.

use std::{fs, net::TcpListener};

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, folder::ROOT_FILE};
use postern_tests::{config::HOSTNAME, http};
use serde_json::{Value, json};

use crate::{
    folder::{put, tamper},
    running::Running,
};

#[tokio::test]
async fn a_bad_edit_is_refused_for_every_reason_and_sessions_go_on() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let before = relay.status().await?;
    let mut session = relay.client().await?;
    session.ask("MAIL FROM:<a@client.test>", 250).await?;

    tamper(relay.folder.path(), r#""recipients": 100"#, r#""recipients": 0"#)?;
    tamper(relay.folder.path(), r#""clientDataSeconds": 180"#, r#""clientDataSeconds": 0"#)?;
    let refusal = relay.refusal("timeouts.clientDataSeconds").await?;

    ensure!(refusal["reasons"].as_array().is_some_and(|reasons| reasons.len() == 2), "{refusal}");
    ensure!(refusal["hash"].is_string() && refusal["at"].is_string(), "{refusal}");
    let after = relay.status().await?;
    ensure!(after["configHash"] == before["configHash"] && after["since"] == before["since"], "{after}");
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    session.ask("RCPT TO:<b@example.com>", 250).await?;
    relay.client().await?;
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_counted_once_and_gone_when_the_edit_is_taken_back() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let good = fs::read(relay.folder.path().join(ROOT_FILE))?;
    // A version that this relay can't read.
    tamper(relay.folder.path(), r#""version": 2"#, r#""version": 8"#)?;
    tamper(relay.folder.path(), r#""minReader": 2"#, r#""minReader": 8"#)?;
    let first = relay.refusal("version 8 asks for a relay that knows version 8").await?;
    // Something else happens in the folder: the same refusal, not a new one.
    put(relay.folder.path(), "unrelated", b"")?;
    tamper(relay.folder.path(), r#""minReader": 8"#, r#""minReader": 9"#)?;
    let second = relay.refusal("that knows version 9").await?;
    ensure!(first["at"] != second["at"] && first["hash"] != second["hash"], "{first} {second}");
    ensure!(relay.metric(r#"postern_config_reloads_total{result="refused"}"#).await? == 2);

    put(relay.folder.path(), ROOT_FILE, &good)?;
    relay.soon("the refusal to be gone", async |status| status["lastRefusal"].is_null()).await?;
    ensure!(relay.metric(r#"postern_config_reloads_total{result="activated"}"#).await? == 1, "the same configuration was taken twice");
    Ok(())
}

#[tokio::test]
async fn what_the_proof_refuses_is_not_used() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let before = relay.status().await?["configHash"].clone();
    relay.proof.fails("relays everything");
    relay.folder.root.generation = 2;
    let hash = relay.folder.write()?;
    let refusal = relay.refusal("relays everything").await?;
    ensure!(refusal["hash"] == hash, "{refusal}");
    ensure!(relay.status().await?["configHash"] == before);
    Ok(())
}

#[tokio::test]
async fn a_port_that_is_taken_refuses_the_configuration_until_it_is_free() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let before = relay.status().await?["configHash"].clone();
    let port = relay.folder.listen("second", ListenerTls::StartTls)?;
    let other = TcpListener::bind(relay.address(1))?;
    let hash = relay.folder.write()?;
    relay.refusal(&format!("listeners[second].port: can't listen on 127.0.0.1:{port}")).await?;
    ensure!(relay.status().await?["configHash"] == before);
    relay.client().await?;

    drop(other);
    let status = relay.soon("the port to be bound", async |status| status["configHash"] == *hash).await?;
    ensure!(status["listeners"][1] == json!({"name": "second", "role": "Inbound", "port": port, "tls": "StartTls"}), "{status}");
    Ok(())
}

#[tokio::test]
async fn a_relay_without_a_configuration_waits_and_says_why() -> Result<()> {
    let mut relay = Running::waiting()?;
    let refusal = relay.refusal("relay.json").await?;
    ensure!(refusal["hash"] == Value::Null, "{refusal}");
    ensure!(relay.status().await?.get("configHash").is_none());
    ensure!(http::get(relay.admin, "/healthz").await?.status == 200);
    ensure!(http::get(relay.admin, "/readyz").await?.status == 503);

    relay.folder.listen("mx", ListenerTls::StartTlsOptional)?;
    relay.folder.write()?;
    relay.refusal("tls.mx1.crt").await?;

    relay.folder.show(&relay.authority.server(&[HOSTNAME])?)?;
    relay.soon("the first configuration", async |status| status["configHash"].is_string()).await?;
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    relay.client().await?;
    Ok(())
}

#[tokio::test]
async fn a_root_that_is_not_json_is_refused_with_the_place() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    put(relay.folder.path(), ROOT_FILE, b"{\"version\": 1,\n]")?;
    let refusal = relay.refusal("relay.json: ").await?;
    ensure!(refusal["reasons"][0].as_str().is_some_and(|reason| reason.contains("line 2 column 1")), "{refusal}");
    relay.client().await?;
    Ok(())
}
