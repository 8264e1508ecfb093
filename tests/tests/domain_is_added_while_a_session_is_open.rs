//! A domain that is added to the folder of manifests is accepted at once, and no session notices; a domain that is removed is refused.

use std::time::Instant;

use anyhow::{Result, ensure};
use postern_tests::{gate::Gate, mail_server::MailServer as _, pki::Authority, port, postfix::Postfix, process::Output};

#[tokio::test]
async fn a_domain_added_and_removed_counts_at_once_and_open_sessions_go_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let internal = Authority::new("Internal CA")?;
    let port = port::free()?;
    let postfix = Postfix::start(folder.path(), port, &internal.server(&["localhost"])?, Output::Printed).await?;
    let gate = Gate::open(&["example.com"], port, &internal).await?;

    let mut old = gate.client().await?;
    old.ask("MAIL FROM:<sender@client.test>", 250).await?;
    old.ask("RCPT TO:<alice@example.com>", 250).await?;
    let refused = old.ask("RCPT TO:<alice@example.org>", 550).await?;
    ensure!(refused.enhanced() == Some("5.7.1"), "{refused}");

    let added = Instant::now();
    gate.manifests.domain("example.org", port)?;
    gate.answers("alice@example.org", 250).await?;
    println!("a domain added to the folder was accepted after {:?}", added.elapsed());

    // The session was there before the domain: it finishes what it began, and its next transaction knows the domain.
    let reply = old.data("Subject: begun before\r\n\r\n").await?;
    ensure!(reply.code == 250, "{reply}");
    let reply = old.mail("sender@client.test", "alice@example.org", "Subject: new domain, old session\r\n\r\n").await?;
    ensure!(reply.code == 250, "{reply}");
    postfix.arrival("alice@example.com", "Subject: begun before").await?;
    postfix.arrival("alice@example.org", "Subject: new domain, old session").await?;

    let removed = Instant::now();
    gate.manifests.remove("example.org.yaml")?;
    gate.answers("alice@example.org", 550).await?;
    println!("a domain removed from the folder was refused after {:?}", removed.elapsed());
    old.ask("NOOP", 250).await?;

    gate.process.stop().await?;
    postfix.stop().await
}
