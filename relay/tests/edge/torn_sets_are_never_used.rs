//! Files that do not belong together are not used, however long it takes until the rest is there.

use std::fs;

use anyhow::{Result, ensure};
use postern_config::{Configuration, ListenerTls, NextHopTlsMode, folder::ROOT_FILE};
use postern_tests::client::Client;

use crate::{folder::put, running::Running};

/// The files of the relay's configuration with the domain `example.org` in it, the root first.
fn with_another_domain(relay: &mut Running) -> Result<Vec<(String, Vec<u8>)>> {
    relay.folder.accept("example.org", 25, NextHopTlsMode::Opportunistic)?;
    let configuration = Configuration::assemble(relay.folder.root.clone(), relay.folder.domains.clone(), [].into());
    let mut files = configuration.files();
    let root = files.remove_entry(ROOT_FILE).unwrap();
    let files = files.into_iter().filter(|(name, bytes)| fs::read(relay.folder.path().join(name)).ok().as_ref() != Some(bytes));
    Ok([root].into_iter().chain(files).collect())
}

async fn accepts(client: &mut Client, recipient: &str) -> Result<bool> {
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    let reply = client.command(&format!("RCPT TO:<{recipient}>")).await?;
    client.ask("RSET", 250).await?;
    Ok(reply.is_positive())
}

#[tokio::test]
async fn a_root_before_its_shards_is_not_used_and_then_it_is() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let before = relay.status().await?["configHash"].clone();
    let mut client = relay.client().await?;
    let files = with_another_domain(&mut relay)?;
    let ((root_name, root), shards) = files.split_first().unwrap();
    ensure!(!shards.is_empty());

    put(relay.folder.path(), root_name, root)?;
    relay.refusal("domains-").await?;
    ensure!(relay.status().await?["configHash"] == before);
    ensure!(accepts(&mut client, "b@example.com").await?);
    ensure!(!accepts(&mut client, "b@example.org").await?);

    for (name, bytes) in shards {
        put(relay.folder.path(), name, bytes)?;
    }
    relay.soon("the whole set", async |status| status["configHash"] != before && status["lastRefusal"].is_null()).await?;
    ensure!(accepts(&mut client, "b@example.org").await?, "the session that was open does not see the new domain");
    Ok(())
}

#[tokio::test]
async fn shards_before_their_root_are_not_used_and_then_they_are() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let mut client = relay.client().await?;
    let files = with_another_domain(&mut relay)?;
    let ((root_name, root), shards) = files.split_first().unwrap();

    // A shard that the root in use does not list yet tears nothing; one that it does list, does.
    for (name, bytes) in shards {
        put(relay.folder.path(), name, bytes)?;
    }
    ensure!(!accepts(&mut client, "b@example.org").await?);
    put(relay.folder.path(), root_name, root)?;
    relay.soon("the whole set", async |status| status["domains"] == 2).await?;
    ensure!(accepts(&mut client, "b@example.org").await?);
    Ok(())
}
