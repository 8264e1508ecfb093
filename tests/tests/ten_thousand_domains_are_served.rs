//! A relay process takes mail for 10,000 domains, and a change of one of them while it runs.

use std::{collections::BTreeMap, fs, time::Instant};

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, NextHopTlsMode};
use postern_tests::{config::RelayFolder, next_hop::Script, poll, relay::Relay};

const DOMAINS: u32 = 10_000;

#[tokio::test]
async fn ten_thousand_are_served_and_a_change_of_one_rewrites_one_file() -> Result<()> {
    let next_hop = Script::good().start().await?;
    let port = next_hop.address().port();
    let mut relay = Relay::start(port, ListenerTls::StartTls, |_| Ok(())).await?;
    ensure!(answer(&relay, &name(0)).await? == 550);
    for number in 0..DOMAINS {
        relay.config.accept(&name(number), port, NextHopTlsMode::Opportunistic)?;
    }
    let before = write(&relay.config)?;
    let begun = Instant::now();
    // In whatever shard it is.
    for number in [0, 4_711, 4_712, DOMAINS - 1] {
        answers(&relay, &name(number), 250).await?;
    }
    let largest = before.values().map(Vec::len).max().unwrap_or_default();
    println!("{DOMAINS} domains in {} files of {largest} bytes at most, served after {:?}", before.len(), begun.elapsed());
    answers(&relay, &name(DOMAINS), 550).await?;

    relay.config.domains.retain(|domain| domain.name.as_str() != name(4_711));
    let after = write(&relay.config)?;
    answers(&relay, &name(4_711), 550).await?;
    answers(&relay, &name(4_712), 250).await?;
    let changed: Vec<&String> = after.iter().filter(|(name, bytes)| before.get(*name) != Some(*bytes)).map(|(name, _)| name).collect();
    ensure!(changed.len() == 2 && changed[0].starts_with("domains-") && changed[1] == "relay.json", "changed: {changed:?}");
    relay.stop().await
}

fn name(number: u32) -> String {
    format!("customer-number-{number}.example.com")
}

/// Writes the configuration, and returns its files.
fn write(config: &RelayFolder) -> Result<BTreeMap<String, Vec<u8>>> {
    config.write()?;
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(config.path())? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    Ok(files)
}

/// Asks for a recipient in the domain until the reply has `code`.
async fn answers(relay: &Relay, domain: &str, code: u16) -> Result<()> {
    poll::until(&format!("{domain} to be answered {code}"), async || (answer(relay, domain).await.ok()? == code).then_some(())).await
}

async fn answer(relay: &Relay, domain: &str) -> Result<u16> {
    let mut client = relay.client().await?;
    client.ask("MAIL FROM:<sender@client.test>", 250).await?;
    Ok(client.command(&format!("RCPT TO:<user@{domain}>")).await?.code)
}
