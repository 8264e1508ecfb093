//! What programs send mail with: smtplib of Python and lettre of Rust. Both know that they speak with the relay and no other, and their mail arrives.

use std::{ffi::OsStr, fs, net::SocketAddr};

use anyhow::{Result, ensure};
use lettre::{
    SmtpTransport, Transport as _,
    address::Envelope,
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
        extension::ClientId,
    },
};
use postern_tests::{
    mail_server::MailServer as _,
    outbound::{HOSTNAME, Outbound, PASSWORD, SENDER, USER},
    process::Output,
    tool,
};

const RECIPIENT: &str = "bob@example.org";

/// By both ways of TLS, with both mechanisms. The subject goes as it is, by SMTPUTF8.
const SMTPLIB: &str = r#"
import email.message, email.policy, smtplib, socket, ssl, sys

ca, name, starttls, implicit, user, password, sender, recipient = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)

# The relay's name is known to this program alone.
lookup = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest: lookup("127.0.0.1" if host == name else host, *rest)

def by_starttls():
    client = smtplib.SMTP(name, int(starttls), "laptop.example.com")
    client.starttls(context=context)
    return client

def by_implicit_tls():
    return smtplib.SMTP_SSL(name, int(implicit), "laptop.example.com", context=context)

for connect in by_starttls, by_implicit_tls:
    for mechanism in "plain", "login":
        message = email.message.EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, recipient, f"Grüße {connect.__name__} {mechanism}"
        message.set_content("Hello")
        with connect() as client:
            client.ehlo_or_helo_if_needed()
            client.user, client.password = user, password
            client.auth(mechanism.upper(), getattr(client, "auth_" + mechanism))
            client.sendmail(sender, [recipient], message.as_bytes(policy=email.policy.SMTPUTF8), ["SMTPUTF8", "BODY=8BITMIME"])
print("all sent")
"#;

#[tokio::test]
async fn smtplib_submits_by_both_ways_of_tls() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    let (ca, starttls, implicit) = (&scene.ca_file, scene.address.port().to_string(), scene.implicit.port().to_string());
    let arguments: [&OsStr; 3] = ["-c".as_ref(), SMTPLIB.as_ref(), ca.as_ref()];
    let more = [HOSTNAME, &starttls, &implicit, USER, PASSWORD, SENDER, RECIPIENT].map(OsStr::new);
    tool::run("python3", arguments.into_iter().chain(more)).await?.expect("all sent")?;
    for subject in ["by_starttls plain", "by_starttls login", "by_implicit_tls plain", "by_implicit_tls login"] {
        scene.server.arrival(RECIPIENT, &format!("\nSubject: Grüße {subject}\n")).await?;
    }
    scene.stop().await
}

#[tokio::test]
async fn lettre_submits_by_both_ways_of_tls() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let scene = Outbound::start(folder.path(), Output::Printed).await?;
    let authority = Certificate::from_pem(&fs::read(&scene.ca_file)?)?;
    let trust = TlsParameters::builder(HOSTNAME.to_owned()).certificate_store(CertificateStore::None).add_root_certificate(authority);
    let trust = trust.build()?;
    let ways = [("STARTTLS", scene.address, Tls::Required(trust.clone())), ("implicit TLS", scene.implicit, Tls::Wrapper(trust))];
    for (way, address, tls) in ways {
        for mechanism in [Mechanism::Plain, Mechanism::Login] {
            let subject = format!("Subject: by {way} and {mechanism}");
            let content = format!("From: {SENDER}\r\nTo: {RECIPIENT}\r\n{subject}\r\n\r\nHello\r\n");
            submit(mailer(address, tls.clone(), mechanism), content).await?;
            scene.server.arrival(RECIPIENT, &subject).await?;
        }
    }
    scene.stop().await
}

fn mailer(address: SocketAddr, tls: Tls, mechanism: Mechanism) -> SmtpTransport {
    let builder = SmtpTransport::builder_dangerous(address.ip().to_string()).port(address.port()).tls(tls);
    let builder = builder.hello_name(ClientId::Domain("laptop.example.com".to_owned()));
    builder.credentials(Credentials::new(USER.to_owned(), PASSWORD.to_owned())).authentication(vec![mechanism]).build()
}

async fn submit(mailer: SmtpTransport, content: String) -> Result<()> {
    let envelope = Envelope::new(Some(SENDER.parse()?), vec![RECIPIENT.parse()?])?;
    let response = tokio::task::spawn_blocking(move || mailer.send_raw(&envelope, content.as_bytes())).await??;
    ensure!(response.is_positive(), "{response:?}");
    Ok(())
}
