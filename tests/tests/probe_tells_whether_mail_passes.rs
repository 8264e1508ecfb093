//! `postern-relay probe`, which `helm test` runs: it passes where mail passes and nothing else does, and says what is wrong where it doesn't.

use std::path::Path;

use anyhow::{Result, ensure};
use postern_config::{ListenerTls, NextHopTlsMode, material::trust_file};
use postern_tests::{
    binaries,
    config::{HOSTNAME, RelayFolder},
    next_hop::Script,
    pki::Authority,
    port,
    process::Process,
    relay::Relay,
    tool::{self, Outcome},
};
use tempfile::TempDir;

const DOMAIN: &str = "postern-test.example";

/// A relay that accepts [`DOMAIN`], and what a probe needs to be the next hop of that domain.
struct Stage {
    relay: Relay,
    edge: Authority,
    next_hop: u16,
    material: TempDir,
}

impl Stage {
    async fn set(tls: ListenerTls) -> Result<Self> {
        Self::set_with(tls, |_, _| Ok(())).await
    }

    /// The same, with `adjust` to spoil the relay's configuration; it is told the probe's port.
    async fn set_with(tls: ListenerTls, adjust: impl FnOnce(&mut RelayFolder, u16) -> Result<()>) -> Result<Self> {
        let (edge, internal, material) = (Authority::new("Edge CA")?, Authority::new("Internal CA")?, tempfile::tempdir()?);
        let next_hop = port::free()?;
        internal.server(&["127.0.0.1"])?.write_as(material.path(), "mail")?;
        edge.write(&material.path().join(trust_file("relay")))?;
        let relay = Relay::start(next_hop, tls, |config| {
            config.show(&edge.server(&[HOSTNAME])?)?;
            config.trust(&internal)?;
            config.domains.clear();
            config.accept(DOMAIN, next_hop, NextHopTlsMode::Verify)?;
            adjust(config, next_hop)
        });
        Ok(Self { relay: relay.await?, edge, next_hop, material })
    }

    fn arguments(&self, wait: u32) -> Vec<String> {
        arguments(&self.relay.address.to_string(), self.next_hop, self.material.path(), wait)
    }

    /// Probes the relay, which is ready: it gets no time to become so.
    async fn probe(&self) -> Result<Outcome> {
        probe(&self.arguments(0)).await
    }
}

fn arguments(relay: &str, next_hop: u16, material: &Path, wait: u32) -> Vec<String> {
    let arguments = [
        "probe".to_owned(),
        format!("--relay={relay}"),
        format!("--hostname={HOSTNAME}"),
        format!("--recipient=probe@{DOMAIN}"),
        format!("--listen=127.0.0.1:{next_hop}"),
        format!("--material={}", material.display()),
        format!("--wait={wait}"),
    ];
    arguments.into()
}

async fn probe(arguments: &[String]) -> Result<Outcome> {
    tool::run(&binaries::find("postern-relay")?.display().to_string(), arguments).await
}

#[tokio::test]
async fn a_relay_that_does_right_passes_every_step() -> Result<()> {
    let stage = Stage::set(ListenerTls::StartTls).await?;
    let outcome = stage.probe().await?;
    outcome.expect(&format!("passed: {HOSTNAME} takes mail for <probe@{DOMAIN}> over TLS, and its certificate is good"))?;
    outcome.expect("passed: it refuses mail in clear")?;
    outcome.expect("passed: it refuses mail for a domain that it does not accept")?;
    outcome.expect("passed: a mail came out behind it as it went in, over TLSv1.3 and with a Received field of the relay")
}

#[tokio::test]
async fn a_relay_whose_certificate_nobody_vouches_for_yet_is_waited_for() -> Result<()> {
    let stage = Stage::set(ListenerTls::StartTls).await?;
    let trust = stage.material.path().join(trust_file("relay"));
    std::fs::remove_file(&trust)?;
    stage.probe().await?.expect_failure("the CA of the relay's certificate can't be read")?;

    let mut waiting = Process::start(&binaries::find("postern-relay")?, stage.arguments(180))?;
    waiting.listens(stage.next_hop).await?;
    stage.edge.write(&trust)?;
    waiting.line("passed: a mail came out behind it").await?;
    ensure!(waiting.ended().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_relay_that_takes_mail_in_clear_fails() -> Result<()> {
    let stage = Stage::set(ListenerTls::StartTlsOptional).await?;
    stage.probe().await?.expect_failure("mail in clear must be refused for good, and was answered 250")
}

#[tokio::test]
async fn a_relay_that_takes_mail_for_a_foreign_domain_fails() -> Result<()> {
    let open = |config: &mut RelayFolder, next_hop| config.accept("foreign.invalid", next_hop, NextHopTlsMode::Verify);
    let stage = Stage::set_with(ListenerTls::StartTls, open).await?;
    let said = "mail for <nobody@foreign.invalid>, a domain that it does not accept, must be refused for good, and was answered 250";
    stage.probe().await?.expect_failure(said)
}

#[tokio::test]
async fn a_mail_that_goes_elsewhere_fails() -> Result<()> {
    let elsewhere = Script::good().start().await?;
    let stage = Stage::set_with(ListenerTls::StartTls, |config, _| {
        config.domains.clear();
        config.accept(DOMAIN, elsewhere.address().port(), NextHopTlsMode::Opportunistic)
    });
    stage.await?.probe().await?.expect_failure("the relay took the mail and handed nothing over here")
}

#[tokio::test]
async fn a_relay_that_does_not_reach_its_next_hop_fails() -> Result<()> {
    let stage = Stage::set_with(ListenerTls::StartTls, |config, _| {
        config.domains.clear();
        config.accept(DOMAIN, port::free()?, NextHopTlsMode::Verify)
    });
    stage.await?.probe().await?.expect_failure("the relay does not take mail, 0 s on: the relay answered RCPT with 451 4.4.1")
}

#[tokio::test]
async fn a_relay_with_a_certificate_of_another_authority_fails() -> Result<()> {
    let stage = Stage::set(ListenerTls::StartTls).await?;
    Authority::new("Edge CA")?.write(&stage.material.path().join(trust_file("relay")))?;
    stage.probe().await?.expect_failure("no TLS with the relay: invalid peer certificate")
}

#[tokio::test]
async fn a_relay_that_is_not_there_fails() -> Result<()> {
    let stage = Stage::set(ListenerTls::StartTls).await?;
    let nowhere = format!("127.0.0.1:{}", port::free()?);
    let outcome = probe(&arguments(&nowhere, stage.next_hop, stage.material.path(), 0)).await?;
    outcome.expect_failure(&format!("the relay does not take mail, 0 s on: can't connect to {nowhere}"))
}
