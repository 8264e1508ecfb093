//! Exchangers that are no Postfix: Exim and OpenSMTPD, with what they say by themselves, take mail over TLS and refuse whom they don't know.

use std::path::Path;

use anyhow::{Result, ensure};
use postern_tests::{
    exim::Exim,
    mail_server::MailServer,
    opensmtpd::OpenSmtpd,
    outbound::{Outbound, SENDER, SERVER_NAMES},
    packaged::mounts_are_denied,
    pki::Authority,
    process::Output,
};

#[tokio::test]
async fn exim_takes_mail_and_refuses_whom_it_does_not_know() -> Result<()> {
    let exim =
        async |folder: &Path, port, world: &Authority| Exim::start(folder, port, &world.server(&SERVER_NAMES)?, Output::Printed).await;
    takes_mail_and_refuses_whom_it_does_not_know(exim, "with esmtps  (TLS", "smtp; 550 5.0.0 Unrouteable address").await
}

#[tokio::test]
async fn opensmtpd_takes_mail_and_refuses_whom_it_does_not_know() -> Result<()> {
    let opensmtpd =
        async |folder: &Path, port, world: &Authority| OpenSmtpd::start(folder, port, &world.server(&SERVER_NAMES)?, Output::Printed).await;
    takes_mail_and_refuses_whom_it_does_not_know(opensmtpd, "with ESMTPS id", "smtp; 524 5.2.4 Mailing list expansion problem:").await
}

/// `over_tls` is what the server's Received field says then, and `refusal` what it says to an unknown recipient.
async fn takes_mail_and_refuses_whom_it_does_not_know<Server: MailServer>(
    server: impl AsyncFnOnce(&Path, u16, &Authority) -> Result<Server>,
    over_tls: &str,
    refusal: &str,
) -> Result<()> {
    if mounts_are_denied()? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start_before(server, folder.path(), Output::Printed).await?;

    scene.submit("bob@example.org", "PLAIN").await?.expect("250 2.0.0 Queued as ")?;
    let mail = scene.server.arrival("bob@example.org", SENDER).await?;
    ensure!(mail.text.contains(over_tls) && mail.text.contains("out.example.com"), "{}", mail.text);

    scene.submit("nobody@example.org", "PLAIN").await?.expect("250 2.0.0 Queued as ")?;
    let report = scene.server.arrival(SENDER, "Action: failed").await?;
    for part in ["Final-Recipient: rfc822;nobody@example.org", refusal] {
        ensure!(report.text.contains(part), "no {part:?} in {}", report.text);
    }
    scene.stop().await
}
