//! A user submits over TLS, the relay finds the exchanger of the recipient's domain and delivers to a real server; what can't be delivered is told.

use anyhow::{Result, ensure};
use postern_tests::{
    mail_server::MailServer as _,
    outbound::{Outbound, SENDER},
    poll,
    process::Output,
    zone::Zone,
};

#[tokio::test]
async fn a_submission_reaches_the_exchanger_of_its_domain() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    for mechanism in ["PLAIN", "LOGIN"] {
        let sent = scene.submit("bob@example.org", mechanism).await?;
        ensure!(sent.success && sent.text.contains("250 2.0.0 Queued as "), "{}", sent.text);
        let mail = scene.server.arrival("bob@example.org", SENDER).await?;
        ensure!(mail.text.contains("with ESMTPSA id "), "{}", mail.text);
        ensure!(mail.text.contains("out.example.com"), "{}", mail.text);
    }
    scene.stop().await
}

#[tokio::test]
async fn a_domain_that_does_not_exist_or_takes_no_mail_is_told_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    for (recipient, reply) in [("x@nowhere.example.org", "550 5.1.2 "), ("x@null.example.org", "556 5.1.10 ")] {
        let sent = scene.submit(recipient, "PLAIN").await?;
        ensure!(!sent.success && sent.text.contains(reply), "{recipient}: {}", sent.text);
    }
    scene.stop().await
}

#[tokio::test]
async fn what_the_exchanger_refuses_comes_back_as_a_report() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    let sent = scene.submit("nobody@example.org", "PLAIN").await?;
    ensure!(sent.success, "{}", sent.text);
    let report = scene.server.arrival(SENDER, "Action: failed").await?;
    let parts = [
        "Return-Path: <>",
        "multipart/report",
        "Final-Recipient: rfc822;nobody@example.org",
        "Status: 5.1.1",
        "Auto-Submitted: auto-replied",
    ];
    for part in parts {
        ensure!(report.text.contains(part), "no {part:?} in {}", report.text);
    }
    scene.stop().await
}

#[tokio::test]
async fn dns_servers_that_change_are_asked_at_once_and_what_the_old_ones_said_is_forgotten() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    let sent = scene.submit("bob@news.example.org", "PLAIN").await?;
    ensure!(!sent.success && sent.text.contains("550 5.1.2 "), "{}", sent.text);
    let zone = Zone::serve("example.org", "@ MX 10 mx\nnews MX 10 mx\nmx A 127.0.0.1").await?;
    scene.ask(zone.address())?;
    let taken = async || scene.submit("bob@news.example.org", "PLAIN").await.is_ok_and(|sent| sent.success).then_some(());
    poll::until("mail to the domain that the new server knows to be taken", taken).await?;
    ensure!(scene.operator.log().iter().filter(|line| line.contains("configuration in use")).count() == 2, "the relay was started again");
    scene.stop().await
}
