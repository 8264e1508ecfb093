//! The relay shows the certificate of its Secret to OpenSSL, and a renewed one as soon as it is there, while older sessions go on.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use postern_tests::{config::HOSTNAME, gate::Gate, mail_server::MailServer as _, poll, site::Site, tool};

/// What `openssl s_client` says of the server.
async fn s_client(gate: &Gate, server: SocketAddr, arguments: &[&str]) -> Result<tool::Outcome> {
    let (server, ca) = (server.to_string(), gate.ca_file().display().to_string());
    let common = ["s_client", "-connect", &server, "-CAfile", &ca, "-verify_hostname", HOSTNAME, "-servername", HOSTNAME];
    tool::run("openssl", common.iter().chain(arguments)).await
}

#[tokio::test]
async fn openssl_verifies_the_certificate_by_both_ways_of_tls() -> Result<()> {
    let site = Site::open().await?;
    for version in ["-tls1_2", "-tls1_3"] {
        let starttls = s_client(&site.gate, site.gate.starttls, &["-starttls", "smtp", "-verify_return_error", version]).await?;
        starttls.expect("Verify return code: 0 (ok)")?;
        let implicit = s_client(&site.gate, site.gate.implicit, &["-verify_return_error", version]).await?;
        implicit.expect("Verify return code: 0 (ok)")?;
    }
    let outdated = s_client(&site.gate, site.gate.implicit, &["-tls1_1"]).await?;
    ensure!(!outdated.success, "TLS 1.1 was taken\n{outdated}");
    site.close().await
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart_and_an_old_session_goes_on() -> Result<()> {
    let site = Site::open().await?;
    let mut old = site.gate.client().await?;
    old.ask("MAIL FROM:<sender@client.test>", 250).await?;

    let renewed = site.gate.authority.server(&[HOSTNAME])?;
    ensure!(old.certificate() != Some(renewed.der()), "the certificates of the test are the same");
    site.gate.manifests.certificate(&renewed)?;
    poll::until("the renewed certificate", async || {
        let client = site.gate.client().await.ok()?;
        (client.certificate() == Some(renewed.der())).then_some(())
    })
    .await?;

    old.ask("RCPT TO:<alice@example.com>", 250).await?;
    let reply = old.data("Subject: across a renewal\r\n\r\n").await?;
    ensure!(reply.code == 250, "{reply}");
    site.postfix.arrival("alice@example.com", "Subject: across a renewal").await?;
    site.close().await
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused_and_the_old_one_is_kept() -> Result<()> {
    let mut site = Site::open().await?;
    let shown = site.gate.client().await?.certificate().cloned();
    let (one, other) = (site.gate.authority.server(&[HOSTNAME])?, site.gate.authority.server(&[HOSTNAME])?);
    let seen = site.gate.process.log().len();
    site.gate.manifests.certificate_and_key(one.pem(), &other.key_pem())?;
    site.gate.process.line_after(seen, "mx-tls").await?;

    ensure!(site.gate.client().await?.certificate().cloned() == shown, "another certificate is shown");
    site.close().await
}
