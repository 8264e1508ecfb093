//! A user submits over TLS, the relay finds the exchanger of the recipient's domain and delivers to a real server; what can't be delivered is told.

use std::fs;

use anyhow::{Context, Result, ensure};
use postern_config::{
    DomainName, ListenerTls, Mx, NextHopTls, NextHopTlsMode, OutboundRoute, Role, RouteMatch, RouteTarget, SenderPattern, User,
    material::{trust_file, user_file},
};
use postern_tests::{pki::Authority, port, postfix::Postfix, process::Output, relay::Relay, tool, zone::Zone};
use tempfile::TempDir;

/// argon2id of [`PASSWORD`].
const HASH: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
const PASSWORD: &str = "correct horse";
const SENDER: &str = "alice@example.com";

/// A relay whose user may send as [`SENDER`], a Postfix for example.com and example.org, and a zone that says where that is.
struct Scene {
    relay: Relay,
    postfix: Postfix,
    _zone: Zone,
    _folder: TempDir,
}

impl Scene {
    async fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new("World CA")?;
        let exchanger = port::free()?;
        let certificate = authority.server(&["mx.example.org", "localhost"])?;
        let postfix = Postfix::start(&folder.path().join("world"), exchanger, &certificate, Output::Kept).await?;
        let zone = Zone::serve("example.org", "@ MX 10 mx\nmx A 127.0.0.1\nnull MX 0 .").await?;
        let spool = folder.path().join("queue");
        let options = ["--dns-server", &zone.address().to_string(), "--spool", spool.to_str().context("a path")?];
        let relay = Relay::start_with(&options, exchanger, ListenerTls::StartTls, |config| {
            config.root.listeners[0].role = Role::Submission;
            config.spool("mx");
            let user = User {
                name: "alice".to_owned(),
                password_hash: Some(HASH.to_owned()),
                certificate_names: Vec::new(),
                allowed_senders: vec![SenderPattern::parse(SENDER)?],
                messages_per_minute: 60,
            };
            fs::create_dir_all(config.path())?;
            fs::write(config.path().join(user_file("alice")), serde_json::to_vec(&user)?)?;
            config.root.users.push("alice".to_owned());
            authority.write(&config.path().join(trust_file("world")))?;
            let tls =
                NextHopTls { mode: NextHopTlsMode::Verify, server_name: None, trust: vec!["world".to_owned()], client_certificate: None };
            let mx = Mx { tls, waivers: Vec::new(), allow_cidrs: vec!["127.0.0.0/8".parse()?], port: exchanger };
            let ehlo_name = Some(DomainName::parse("out.example.com")?);
            config.root.routes.push(OutboundRoute {
                name: "world".to_owned(),
                matches: RouteMatch::default(),
                to: RouteTarget::Mx(mx),
                ehlo_name,
            });
            Ok(())
        })
        .await?;
        Ok(Self { relay, postfix, _zone: zone, _folder: folder })
    }

    async fn submit(&self, recipient: &str, mechanism: &str) -> Result<tool::Outcome> {
        let server = self.relay.address.to_string();
        let arguments = [
            "--server",
            &server,
            "--tls",
            "--ehlo",
            "laptop.example.com",
            "--from",
            SENDER,
            "--to",
            recipient,
            "--auth",
            mechanism,
            "--auth-user",
            "alice",
            "--auth-password",
            PASSWORD,
        ];
        tool::run("swaks", arguments).await
    }

    async fn end(self) -> Result<()> {
        self.relay.stop().await?;
        self.postfix.stop().await
    }
}

#[tokio::test]
async fn a_submission_reaches_the_exchanger_of_its_domain() -> Result<()> {
    let scene = Scene::set().await?;
    for mechanism in ["PLAIN", "LOGIN"] {
        let sent = scene.submit("bob@example.org", mechanism).await?;
        ensure!(sent.success && sent.text.contains("250 2.0.0 Queued as "), "{}", sent.text);
        let mail = scene.postfix.arrival("bob@example.org", SENDER).await?;
        ensure!(mail.text.contains("with ESMTPSA id "), "{}", mail.text);
        ensure!(mail.text.contains("out.example.com"), "{}", mail.text);
    }
    scene.end().await
}

#[tokio::test]
async fn a_domain_that_does_not_exist_or_takes_no_mail_is_told_at_once() -> Result<()> {
    let scene = Scene::set().await?;
    for (recipient, reply) in [("x@nowhere.example.org", "550 5.1.2 "), ("x@null.example.org", "556 5.1.10 ")] {
        let sent = scene.submit(recipient, "PLAIN").await?;
        ensure!(!sent.success && sent.text.contains(reply), "{recipient}: {}", sent.text);
    }
    scene.end().await
}

#[tokio::test]
async fn what_the_exchanger_refuses_comes_back_as_a_report() -> Result<()> {
    let scene = Scene::set().await?;
    let sent = scene.submit("nobody@example.org", "PLAIN").await?;
    ensure!(sent.success, "{}", sent.text);
    let report = scene.postfix.arrival(SENDER, "Action: failed").await?;
    for part in [
        "Return-Path: <>",
        "multipart/report",
        "Final-Recipient: rfc822;nobody@example.org",
        "Status: 5.1.1",
        "Auto-Submitted: auto-replied",
    ] {
        ensure!(report.text.contains(part), "no {part:?} in {}", report.text);
    }
    scene.end().await
}
