//! An edit is seen at once, whichever way the files are replaced.

use std::fs;

use anyhow::{Context, Result, ensure};
use postern_config::{
    Configuration, ListenerTls, NextHopTlsMode,
    material::{certificate_file, key_file},
};
use postern_tests::{
    client::Client,
    config::{CERTIFICATE, HOSTNAME},
    pki::Certificate,
};

use crate::{folder::Mount, running::Running};

fn configuration(relay: &Running) -> Vec<(String, Vec<u8>)> {
    Configuration::assemble(relay.folder.root.clone(), relay.folder.domains.clone(), [].into()).files().into_iter().collect()
}

fn pair(certificate: &Certificate) -> Vec<(String, Vec<u8>)> {
    let (chain, key) = (certificate.pem().as_bytes().to_vec(), certificate.key_pem().into_bytes());
    vec![(certificate_file(CERTIFICATE), chain), (key_file(CERTIFICATE), key)]
}

#[tokio::test]
async fn mounted_config_maps_and_secrets_are_followed_from_swap_to_swap() -> Result<()> {
    let mut relay = Running::waiting()?;
    relay.folder.listen("mx", ListenerTls::Implicit)?;
    let mut mount = Mount::new(relay.folder.path())?;
    for generation in 1..=3 {
        relay.folder.accept(&format!("example-{generation}.org"), 25, NextHopTlsMode::Opportunistic)?;
        let certificate = relay.authority.server(&[HOSTNAME])?;
        mount.swap(&[configuration(&relay), pair(&certificate)].concat().into_iter().collect())?;
        relay.soon("the new domain", async |status| status["domains"] == generation + 1).await?;
        relay
            .soon("the new certificate", async |_| {
                let client = Client::connect_tls(relay.address(0), &relay.trust(HOSTNAME).unwrap()).await;
                client.is_ok_and(|client| client.certificate() == Some(certificate.der()))
            })
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn files_written_in_place_are_followed() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    for generation in 2..=4 {
        relay.folder.root.generation = generation;
        for (name, bytes) in configuration(&relay) {
            fs::write(relay.folder.path().join(name), bytes)?;
        }
        relay.soon("the new generation", async |status| status["generation"] == generation).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_that_is_replaced_as_a_whole_is_followed() -> Result<()> {
    let mut relay = Running::start(ListenerTls::StartTlsOptional, |_| {}).await?;
    let folder = relay.folder.path().to_owned();
    let beside = folder.parent().context("no parent")?.to_owned();
    for generation in 2..=3 {
        let (new, old) = (beside.join("new"), beside.join(format!("old-{generation}")));
        fs::create_dir_all(&new)?;
        for file in [certificate_file(CERTIFICATE), key_file(CERTIFICATE)] {
            fs::copy(folder.join(&file), new.join(&file))?;
        }
        relay.folder.root.generation = generation;
        for (name, bytes) in configuration(&relay) {
            fs::write(new.join(name), bytes)?;
        }
        fs::rename(&folder, &old)?;
        fs::rename(&new, &folder)?;
        relay.soon("the new generation", async |status| status["generation"] == generation).await?;
    }
    ensure!(relay.status().await?["lastRefusal"].is_null());
    Ok(())
}
