//! Mail for accepted domains passes through the gate to a real server, from real clients, by every way of TLS.

use std::ffi::OsStr;

use anyhow::{Result, ensure};
use postern_tests::{mail_server::MailServer as _, site::Site, tool};

#[tokio::test]
async fn swaks_delivers_through_starttls() -> Result<()> {
    let site = Site::open().await?;
    let sent = site.swaks(site.gate.starttls, &["--tls", "--to", "alice@example.com", "--header", "Subject: by STARTTLS"]).await?;
    sent.expect("=== TLS started")?;

    let mail = site.postfix.arrival("alice@example.com", "Subject: by STARTTLS").await?;
    ensure!(mail.text.starts_with("Return-Path: <sender@client.test>\n"), "{}", mail.text);
    let received = unfolded(&mail.text);
    ensure!(received.contains("Received: from client.test ([127.0.0.1])"), "{received}");
    ensure!(received.contains("by mx1.example.com"), "{received}");
    ensure!(received.contains("with ESMTPS"), "{received}");
    site.close().await
}

#[tokio::test]
async fn swaks_delivers_through_implicit_tls() -> Result<()> {
    let site = Site::open().await?;
    let sent =
        site.swaks(site.gate.implicit, &["--tls-on-connect", "--to", "bob@example.org", "--header", "Subject: by implicit TLS"]).await?;
    sent.expect("=== TLS started")?;
    site.postfix.arrival("bob@example.org", "Subject: by implicit TLS").await?;
    site.close().await
}

#[tokio::test]
async fn the_servers_word_on_a_recipient_reaches_the_client() -> Result<()> {
    let site = Site::open().await?;
    let refused = site.swaks(site.gate.starttls, &["--tls", "--to", "nobody@example.com"]).await?;
    refused.expect_failure("550 5.1.1 <nobody@example.com>")?;

    let some = site
        .swaks(site.gate.starttls, &["--tls", "--to", "nobody@example.com,alice@example.com", "--header", "Subject: for one of two"])
        .await?;
    some.expect("550 5.1.1 <nobody@example.com>")?;
    site.postfix.arrival("alice@example.com", "Subject: for one of two").await?;
    site.close().await
}

#[tokio::test]
async fn the_null_sender_is_kept() -> Result<()> {
    let site = Site::open().await?;
    let sent =
        site.swaks(site.gate.starttls, &["--tls", "--from", "<>", "--to", "alice@example.com", "--header", "Subject: a report"]).await?;
    sent.expect("=== TLS started")?;
    let mail = site.postfix.arrival("alice@example.com", "Subject: a report").await?;
    ensure!(mail.text.starts_with("Return-Path: <>\n"), "{}", mail.text);
    site.close().await
}

/// Over STARTTLS and over implicit TLS in turn: leading dots, 8-bit text, a line over 998 characters, and 12 MiB, which no memory budget holds
/// in one piece.
const SMTPLIB: &str = r#"
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.check_hostname = False
body = ".\r\n..two\r\n.three\r\nGr\u00fc\u00dfe\r\n" + "x" * 2000 + "\r\n" + ("y" * 76 + "\r\n") * (12 * 1024 * 1024 // 78) + "the end\r\n"
def send(client, subject):
    message = f"From: sender@client.test\r\nSubject: {subject}\r\n\r\n{body}"
    client.sendmail("sender@client.test", ["alice@example.com", "bob@example.com"], message.encode(), ["BODY=8BITMIME"])
    client.quit()
client = smtplib.SMTP("127.0.0.1", int(sys.argv[2]), "client.test")
client.starttls(context=context)
send(client, "smtplib STARTTLS")
send(smtplib.SMTP_SSL("127.0.0.1", int(sys.argv[3]), "client.test", context=context), "smtplib implicit")
print("sent", len(body.encode()))
"#;

#[tokio::test]
async fn smtplib_delivers_a_large_message_unchanged() -> Result<()> {
    let site = Site::open().await?;
    let (ca, starttls, implicit) = (site.gate.ca_file(), site.gate.starttls.port().to_string(), site.gate.implicit.port().to_string());
    let arguments: [&OsStr; 5] = ["-c".as_ref(), SMTPLIB.as_ref(), ca.as_ref(), starttls.as_ref(), implicit.as_ref()];
    tool::run("python3", arguments).await?.expect("sent ")?;
    let lines = "y".repeat(76) + "\n";
    let body = format!(".\n..two\n.three\nGrüße\n{}\n{}the end\n", "x".repeat(2000), lines.repeat(12 * 1024 * 1024 / 78));
    for subject in ["Subject: smtplib STARTTLS", "Subject: smtplib implicit"] {
        for mailbox in ["alice@example.com", "bob@example.com"] {
            let mail = site.postfix.arrival(mailbox, subject).await?;
            let (_, arrived) = mail.text.split_once("\n\n").unwrap_or_default();
            ensure!(arrived == body, "{subject} changed on its way to {mailbox}: {} bytes became {}", body.len(), arrived.len());
        }
    }
    site.close().await
}

/// Header lines put together again (RFC 5322 section 2.2.3).
fn unfolded(text: &str) -> String {
    text.replace("\n ", " ").replace("\n\t", " ")
}
