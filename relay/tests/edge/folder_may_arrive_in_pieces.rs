//! The folder of a pod: volumes of many objects that the kubelet fetches one by one, so that some are there before others, in any order.

use std::{collections::BTreeMap, fs};

use anyhow::{Result, ensure};
use postern_config::{
    Configuration, ListenerTls, NextHopTlsMode,
    folder::ROOT_FILE,
    material::{certificate_file, key_file},
};
use postern_tests::{
    client::Client,
    config::{CERTIFICATE, HOSTNAME},
    http,
};

use crate::{folder::Mount, running::Running};

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Every file of the relay's folder.
fn files(relay: &Running) -> Result<Files> {
    let configuration = Configuration::assemble(relay.folder.root.clone(), relay.folder.domains.clone(), [].into());
    let certificate = relay.authority.server(&[HOSTNAME])?;
    let mut files = configuration.files();
    files.insert(certificate_file(CERTIFICATE), certificate.pem().into());
    files.insert(key_file(CERTIFICATE), certificate.key_pem().into());
    Ok(files)
}

/// The files without those whose names begin so.
fn without(files: &Files, beginning: &str) -> Files {
    files.iter().filter(|(name, _)| !name.starts_with(beginning)).map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
}

async fn takes_mail_for(client: &mut Client, domain: &str) -> Result<bool> {
    client.ask("MAIL FROM:<a@client.test>", 250).await?;
    let reply = client.command(&format!("RCPT TO:<b@{domain}>")).await?;
    client.ask("RSET", 250).await?;
    Ok(reply.is_positive())
}

#[tokio::test]
async fn a_pod_that_begins_waits_for_what_is_missing_and_its_probe_says_for_what() -> Result<()> {
    let mut relay = Running::waiting()?;
    relay.folder.listen("mx", ListenerTls::StartTlsOptional)?;
    let whole = files(&relay)?;
    let mut mount = Mount::new(relay.folder.path())?;
    for (missing, said) in [(ROOT_FILE, ROOT_FILE), ("domains-", "domains-"), ("tls.mx1.key", "tls.mx1.key"), ("tls.", "tls.mx1.crt")] {
        mount.swap(&without(&whole, missing))?;
        relay.refusal(said).await?;
        let ready = http::get(relay.admin, "/readyz").await?;
        ensure!(ready.status == 503 && ready.body.contains(said), "{missing}: {ready:?}");
        ensure!(http::get(relay.admin, "/healthz").await?.status == 200);
    }
    mount.swap(&whole)?;
    relay.soon("the whole folder", async |status| status["domains"] == 1 && status["lastRefusal"].is_null()).await?;
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    ensure!(takes_mail_for(&mut relay.client().await?, "example.com").await?);
    Ok(())
}

#[tokio::test]
async fn a_root_that_is_new_with_a_shard_that_is_old_keeps_what_is_in_use() -> Result<()> {
    let mut relay = Running::waiting()?;
    relay.folder.listen("mx", ListenerTls::StartTlsOptional)?;
    let old = files(&relay)?;
    let mut mount = Mount::new(relay.folder.path())?;
    mount.swap(&old)?;
    let before = relay.soon("the first configuration", async |status| status["domains"] == 1).await?;
    let mut client = relay.client().await?;

    // Sixteen domains more: nearly every shard is another one, and all arrive but one.
    for number in 0..16 {
        relay.folder.accept(&format!("example-{number}.org"), 25, NextHopTlsMode::Opportunistic)?;
    }
    let new = files(&relay)?;
    let is_late = |(name, bytes): &(&String, &Vec<u8>)| name.starts_with("domains-") && old.get(*name).is_some_and(|old| old != *bytes);
    let late = new.iter().find(is_late).map(|(name, _)| name.clone()).unwrap();
    let mut torn = new.clone();
    torn.insert(late.clone(), old[&late].clone());

    mount.swap(&torn)?;
    let refusal = relay.refusal(&late).await?;
    // Nobody is to take it for a refusal of the configuration: it is not all there.
    ensure!(refusal["hash"].is_null(), "{refusal}");
    ensure!(relay.status().await?["configHash"] == before["configHash"]);
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    ensure!(takes_mail_for(&mut client, "example.com").await?);
    ensure!(!takes_mail_for(&mut client, "example-1.org").await?);

    mount.swap(&new)?;
    relay.soon("the whole set", async |status| status["domains"] == 17 && status["lastRefusal"].is_null()).await?;
    for number in 0..16 {
        ensure!(takes_mail_for(&mut client, &format!("example-{number}.org")).await?, "{number}");
    }
    Ok(())
}

/// The pod's annotation is there before the kubelet knows of the new objects: it mounts the old ones once more.
#[tokio::test]
async fn old_files_that_are_mounted_again_change_nothing() -> Result<()> {
    let mut relay = Running::waiting()?;
    relay.folder.listen("mx", ListenerTls::StartTlsOptional)?;
    let old = files(&relay)?;
    let mut mount = Mount::new(relay.folder.path())?;
    mount.swap(&old)?;
    let before = relay.soon("the first configuration", async |status| status["domains"] == 1).await?;
    mount.swap(&old)?;
    mount.swap(&old)?;

    relay.folder.accept("example.org", 25, NextHopTlsMode::Opportunistic)?;
    let mut new = files(&relay)?;
    for file in [certificate_file(CERTIFICATE), key_file(CERTIFICATE)] {
        new.insert(file.clone(), old[&file].clone());
    }
    mount.swap(&new)?;
    let after = relay.soon("the new configuration", async |status| status["domains"] == 2).await?;
    ensure!(after["configHash"] != before["configHash"]);
    // The first and the last, and nothing in between.
    ensure!(relay.metric(r#"postern_config_reloads_total{result="activated"}"#).await? == 2);
    ensure!(relay.metric(r#"postern_config_reloads_total{result="refused"}"#).await? <= 1, "the empty folder alone may be refused");
    Ok(())
}

#[tokio::test]
async fn a_file_that_goes_is_no_reason_to_stop() -> Result<()> {
    let mut relay = Running::waiting()?;
    relay.folder.listen("mx", ListenerTls::StartTlsOptional)?;
    let whole = files(&relay)?;
    let mut mount = Mount::new(relay.folder.path())?;
    mount.swap(&whole)?;
    relay.soon("the first configuration", async |status| status["domains"] == 1).await?;
    mount.swap(&without(&whole, "domains-"))?;
    relay.refusal("domains-").await?;
    ensure!(takes_mail_for(&mut relay.client().await?, "example.com").await?);
    fs::remove_file(relay.folder.path().join("..data"))?;
    relay.refusal(ROOT_FILE).await?;
    ensure!(takes_mail_for(&mut relay.client().await?, "example.com").await?);
    ensure!(http::get(relay.admin, "/readyz").await?.status == 200);
    Ok(())
}
