//! A relay for mail out, the world that it delivers to, and the DNS that says where that is.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use postern_config::{
    DomainName, ListenerTls, Mx, NextHopTls, NextHopTlsMode, OutboundRoute, Role, RouteMatch, RouteTarget, SenderPattern, User,
    material::{trust_file, user_file},
};

use crate::{
    config::RelayFolder,
    mail_server::MailServer,
    pki::Authority,
    port,
    postfix::Postfix,
    process::Output,
    relay::Relay,
    tool::{self, Outcome},
    zone::Zone,
};

/// The name that the user logs in with.
pub const USER: &str = "alice";
/// Its password.
pub const PASSWORD: &str = "correct horse";
/// Whom it may send as.
pub const SENDER: &str = "alice@example.com";
/// argon2id of [`PASSWORD`].
const HASH: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
/// Name of the listener with TLS from the first byte.
const IMPLICIT: &str = "implicit";
/// Name of the bundle that the world's certificates come from.
const WORLD: &str = "world";

/// The names in the certificate of the server that is both exchanger and mail server.
pub const SERVER_NAMES: [&str; 2] = ["mx.example.org", "localhost"];

/// A relay whose user [`USER`] submits on port `relay.address`, a server that is the exchanger of example.org and the mail server of
/// example.com, and a signed zone for example.org.
pub struct Outbound<Server = Postfix> {
    /// The relay.
    pub relay: Relay,
    /// The server that it delivers to.
    pub server: Server,
    /// What DNS says.
    pub zone: Zone,
}

impl Outbound {
    /// Starts all of it with Postfix as the server, with its files in `folder`.
    pub async fn start(folder: &Path) -> Result<Self> {
        let postfix =
            async |folder: &Path, port, world: &Authority| Postfix::start(folder, port, &world.server(&SERVER_NAMES)?, Output::Kept).await;
        Self::start_before(postfix, folder).await
    }
}

impl<Server: MailServer> Outbound<Server> {
    /// Starts all of it with its files in `folder`. `server` starts the server, in a folder of its own, on a port, and with a certificate of
    /// this authority for [`SERVER_NAMES`].
    pub async fn start_before(server: impl AsyncFnOnce(&Path, u16, &Authority) -> Result<Server>, folder: &Path) -> Result<Self> {
        let authority = Authority::new("World CA")?;
        let port = port::free()?;
        let server = server(&folder.join("world"), port, &authority).await?;
        let zone = Zone::serve("example.org", "@ MX 10 mx\nmx A 127.0.0.1\nnull MX 0 .").await?;
        let spool = folder.join("queue");
        let options = ["--dns-server", &zone.address().to_string(), "--spool", spool.to_str().context("a path")?];
        let relay = Relay::start_with(&options, port, ListenerTls::StartTls, |config| configure(config, &authority, port));
        Ok(Self { relay: relay.await?, server, zone })
    }

    /// Where users submit with TLS from the first byte (RFC 8314).
    pub fn implicit(&self) -> Result<SocketAddr> {
        let listener = self.relay.config.root.listeners.iter().find(|listener| listener.name == IMPLICIT).context("no such listener")?;
        Ok(SocketAddr::new(self.relay.address.ip(), listener.port))
    }

    /// What sends a mail to `recipient` as the user.
    #[must_use]
    pub fn command(&self, recipient: &str, mechanism: &str) -> Vec<String> {
        let server: SocketAddr = self.relay.address;
        let arguments = [
            "--server",
            &server.to_string(),
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
            USER,
            "--auth-password",
            PASSWORD,
        ];
        arguments.map(str::to_owned).to_vec()
    }

    /// Sends it.
    pub async fn submit(&self, recipient: &str, mechanism: &str) -> Result<Outcome> {
        tool::run("swaks", self.command(recipient, mechanism)).await
    }

    /// Stops both servers.
    pub async fn stop(self) -> Result<()> {
        self.relay.stop().await?;
        self.server.stop().await
    }
}

fn configure(config: &mut RelayFolder, authority: &Authority, exchanger: u16) -> Result<()> {
    config.listen(IMPLICIT, ListenerTls::Implicit)?;
    for name in ["mx", IMPLICIT] {
        config.spool(name);
    }
    for listener in &mut config.root.listeners {
        listener.role = Role::Submission;
    }
    let user = User {
        name: USER.to_owned(),
        password_hash: Some(HASH.to_owned()),
        certificate_names: Vec::new(),
        allowed_senders: vec![SenderPattern::parse(SENDER)?],
        messages_per_minute: 60,
    };
    fs::create_dir_all(config.path())?;
    fs::write(config.path().join(user_file(USER)), serde_json::to_vec(&user)?)?;
    config.root.users.push(USER.to_owned());
    authority.write(&config.path().join(trust_file(WORLD)))?;
    let tls = NextHopTls { mode: NextHopTlsMode::Verify, server_name: None, trust: vec![WORLD.to_owned()], client_certificate: None };
    let mx = Mx { tls, waivers: Vec::new(), allow_cidrs: vec!["127.0.0.0/8".parse()?], port: exchanger };
    let ehlo_name = Some(DomainName::parse("out.example.com")?);
    config.root.routes.push(OutboundRoute { name: WORLD.to_owned(), matches: RouteMatch::default(), to: RouteTarget::Mx(mx), ehlo_name });
    Ok(())
}
