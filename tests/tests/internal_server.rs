//! The internal server of the tests is a real one: it takes mail for its mailboxes over TLS, and refuses everybody else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use postern_tests::{
    client::{Client, Trust},
    mail_server::MailServer as _,
    pki::Authority,
    port,
    postfix::Postfix,
    process::Output,
};

#[tokio::test]
async fn postfix_stores_mail_for_its_mailboxes_and_refuses_the_rest() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = Authority::new("Internal CA")?;
    let port = port::free()?;
    let postfix = Postfix::start(folder.path(), port, &authority.server(&["localhost"])?, Output::Printed).await?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));

    let mut client = Client::ready(address, &Trust::new(&authority, "localhost")?).await?;
    client.ask("MAIL FROM:<sender@client.test>", 250).await?;
    let unknown = client.ask("RCPT TO:<nobody@example.com>", 550).await?;
    ensure!(unknown.enhanced() == Some("5.1.1"), "{unknown}");
    client.ask("RCPT TO:<alice@foreign.test>", 554).await?;
    client.ask("RCPT TO:<alice@example.com>", 250).await?;
    let accepted = client.data("Subject: hello\r\n\r\nA line.\r\n").await?;
    ensure!(accepted.code == 250, "{accepted}");

    let mail = postfix.arrival("alice@example.com", "Subject: hello").await?;
    ensure!(mail.text.ends_with("\n\nA line.\n"), "{}", mail.text);
    ensure!(postfix.messages("bob@example.com")?.is_empty());
    postfix.stop().await
}
