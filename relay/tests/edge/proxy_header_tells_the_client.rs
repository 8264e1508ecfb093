//! The PROXY protocol: the client is who a trusted proxy says it is, and nobody else may say anything.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use postern_config::{ListenerTls, ProxyProtocol};
use postern_tests::{client::Client, config::HOSTNAME};

use crate::running::Running;

/// What a proxy says, and what becomes of it: one vector a line.
struct Vector {
    name: String,
    header: Vec<u8>,
    /// The client's address; `None` when the connection is closed.
    client: Option<String>,
}

fn vectors() -> Result<Vec<Vector>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/proxy_headers.txt");
    let text = fs::read_to_string(file)?;
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| parse(line).context(line.to_owned())).collect()
}

/// `name | header, with \r, \n, \xNN and {bytes*count} | address or "closed"`
fn parse(line: &str) -> Result<Vector> {
    let mut fields = line.split(" | ");
    let mut field = || fields.next().context("three fields are needed");
    let (name, header, client) = (field()?.to_owned(), unescape(field()?)?, field()?);
    Ok(Vector { name, header, client: (client != "closed").then(|| client.to_owned()) })
}

fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        let (byte, length) = match rest.as_bytes().first() {
            Some(b'r') => (b'\r', 1),
            Some(b'n') => (b'\n', 1),
            Some(b'x') => (u8::from_str_radix(rest.get(1..3).context("two digits")?, 16)?, 3),
            other => anyhow::bail!("\\ before {other:?}"),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    Ok(bytes)
}

async fn behind_a_proxy(tls: ListenerTls, trusted: &str) -> Result<Running> {
    let rule = ProxyProtocol { trusted_cidrs: vec![trusted.parse()?] };
    Running::start(tls, |folder| folder.root.listeners[0].proxy_protocol = Some(rule)).await
}

/// The client's address as the session has it: from the Received field of a message.
async fn client_of(relay: &Running, mut client: Client) -> Result<String> {
    let reply = client.mail("a@client.test", "b@example.com", "Subject: who\r\n\r\n").await?;
    ensure!(reply.code == 250, "{reply}");
    let received = relay.taken.last();
    let (_, literal) = received.split_once('[').with_context(|| received.clone())?;
    let (address, _) = literal.split_once(']').with_context(|| received.clone())?;
    Ok(address.trim_start_matches("IPv6:").to_owned())
}

#[tokio::test]
async fn each_header_does_what_its_vector_says_with_the_session_right_behind_it() -> Result<()> {
    let relay = behind_a_proxy(ListenerTls::StartTlsOptional, "127.0.0.1/32").await?;
    for Vector { name, header, client } in vectors()? {
        let mut connection = relay.connect().await?;
        let Some(address) = client else {
            let _ = connection.send(&header).await;
            connection.closed().await.context(name)?;
            continue;
        };
        connection.send([&header[..], b"EHLO client.test\r\n"].concat()).await.context(name.clone())?;
        connection.expect(220).await.context(name.clone())?;
        connection.expect(250).await.context(name.clone())?;
        let seen = client_of(&relay, connection).await.context(name.clone())?;
        ensure!(seen == address, "{name}: the client is {seen}, not {address}");
    }
    Ok(())
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() -> Result<()> {
    let relay = behind_a_proxy(ListenerTls::StartTlsOptional, "127.0.0.1/32").await?;
    for Vector { name, header, client } in vectors()?.into_iter().filter(|vector| vector.header.len() < 200) {
        let Some(address) = client else { continue };
        let mut connection = relay.connect().await?;
        for byte in header {
            connection.send([byte]).await?;
            tokio::task::yield_now().await;
        }
        connection.expect(220).await.context(name.clone())?;
        connection.ask("EHLO client.test", 250).await?;
        let seen = client_of(&relay, connection).await.context(name.clone())?;
        ensure!(seen == address, "{name}: the client is {seen}, not {address}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_behind_the_header_may_be_a_tls_handshake() -> Result<()> {
    let relay = behind_a_proxy(ListenerTls::Implicit, "127.0.0.0/8").await?;
    let mut connection = relay.connect().await?;
    connection.send("PROXY TCP4 203.0.113.7 192.0.2.25 4000 465\r\n").await?;
    let mut client = connection.handshake(&relay.trust(HOSTNAME)?).await?;
    client.expect(220).await?;
    client.ask("EHLO client.test", 250).await?;
    ensure!(client_of(&relay, client).await? == "203.0.113.7");
    Ok(())
}

#[tokio::test]
async fn a_peer_that_is_no_listed_proxy_is_closed_with_and_without_a_header() -> Result<()> {
    let relay = behind_a_proxy(ListenerTls::StartTlsOptional, "192.0.2.0/24").await?;
    relay.connect().await?.closed().await?;
    let mut connection = relay.connect().await?;
    let _ = connection.send("PROXY TCP4 203.0.113.7 192.0.2.25 4000 25\r\n").await;
    connection.closed().await?;
    ensure!(relay.metric(r#"postern_connections_refused_total{listener="mx",reason="proxy_untrusted"}"#).await? == 2);
    ensure!(relay.metric(r#"postern_connections_accepted_total{listener="mx"}"#).await? == 0);
    Ok(())
}

#[tokio::test]
async fn a_listener_without_the_protocol_takes_no_header() -> Result<()> {
    let relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut client = relay.connect().await?;
    client.send("PROXY TCP4 203.0.113.7 192.0.2.25 4000 25\r\n").await?;
    client.expect(220).await?;
    ensure!(client.reply().await?.code == 500);
    client.ask("EHLO client.test", 250).await?;
    ensure!(client_of(&relay, client).await? == "127.0.0.1");
    Ok(())
}
