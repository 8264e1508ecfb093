//! A relay for mail out, the world that it delivers to, and the DNS that says where that is.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    binaries, http,
    mail_server::MailServer,
    manifests::Manifests,
    pki::Authority,
    poll, port,
    postfix::Postfix,
    process::{Output, Process},
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
/// The name of the relay, in its certificate too.
pub const HOSTNAME: &str = "out.example.com";
/// The file of the relay's manifest.
const RELAY: &str = "relay.yaml";

/// The names in the certificate of the server that is both exchanger and mail server.
pub const SERVER_NAMES: [&str; 2] = ["mx.example.org", "localhost"];

/// `postern-operator standalone` with a relay whose user [`USER`] submits to it, a server that is the exchanger of example.org and the mail server of
/// example.com, and a signed zone for example.org.
pub struct Outbound<Server = Postfix> {
    /// The operator, with the relay as its child.
    pub operator: Process,
    /// What it follows.
    pub manifests: Manifests,
    /// Where users submit with STARTTLS.
    pub address: SocketAddr,
    /// Where users submit with TLS from the first byte (RFC 8314).
    pub implicit: SocketAddr,
    /// Where the relay has its metrics.
    pub admin: SocketAddr,
    /// Who vouches for the relay, PEM.
    pub ca_file: PathBuf,
    /// Where `postern-relay queue` asks.
    pub socket: PathBuf,
    /// The server that it delivers to.
    pub server: Server,
    /// What DNS says.
    pub zone: Zone,
}

impl Outbound {
    /// Starts all of it with Postfix as the server, with its files in `folder`.
    pub async fn start(folder: &Path, output: Output) -> Result<Self> {
        let postfix =
            async |folder: &Path, port, world: &Authority| Postfix::start(folder, port, &world.server(&SERVER_NAMES)?, Output::Kept).await;
        Self::start_before(postfix, folder, output).await
    }
}

impl<Server: MailServer> Outbound<Server> {
    /// Starts all of it with its files in `folder`. `server` starts the server, in a folder of its own, on a port, and with a certificate of
    /// this authority for [`SERVER_NAMES`].
    pub async fn start_before(
        server: impl AsyncFnOnce(&Path, u16, &Authority) -> Result<Server>,
        folder: &Path,
        output: Output,
    ) -> Result<Self> {
        let (authority, exchanger) = (Authority::new("World CA")?, port::free()?);
        let server = server(&folder.join("world"), exchanger, &authority).await?;
        let zone = Zone::serve("example.org", "@ MX 10 mx\nmx A 127.0.0.1\nnull MX 0 .").await?;
        let [address, implicit, admin] = [(); 3].map(|()| port::free().map(on_loopback));
        let (address, implicit, admin) = (address?, implicit?, admin?);
        let manifests = manifests(&folder.join("manifests"), &authority, exchanger)?;
        manifests.put(RELAY, &relay(address.port(), implicit.port(), zone.address()))?;
        let (data, ca_file) = (folder.join("data"), folder.join("ca.crt"));
        authority.write(&ca_file)?;
        let mut command = Command::new(binaries::find("postern-operator")?);
        command.arg("standalone").arg(manifests.path()).arg("--data").arg(&data);
        command.args(["--admin", &admin.to_string(), "--exchanger-port", &exchanger.to_string()]);
        let operator = Process::spawn(&mut command, output)?;
        let ready = async || matches!(http::get(admin, "/readyz").await, Ok(response) if response.status == 200).then_some(());
        poll::until("the relay for mail out to be ready", ready).await?;
        let socket = data.join("mail.out/scratch/queue.sock");
        Ok(Self { operator, manifests, address, implicit, admin, ca_file, socket, server, zone })
    }

    /// From now on the relay asks the DNS server at `dns`.
    pub fn ask(&self, dns: SocketAddr) -> Result<()> {
        self.manifests.put(RELAY, &relay(self.address.port(), self.implicit.port(), dns))
    }

    /// What sends a mail to `recipient` as the user.
    #[must_use]
    pub fn command(&self, recipient: &str, mechanism: &str) -> Vec<String> {
        let arguments = [
            "--server",
            &self.address.to_string(),
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
        self.operator.stop().await?;
        self.server.stop().await
    }
}

fn on_loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// All but the relay: its user, its certificate, a domain whose server is on `exchanger`, and who vouches for that.
fn manifests(folder: &Path, authority: &Authority, exchanger: u16) -> Result<Manifests> {
    let manifests = Manifests::new(folder)?;
    manifests.trust(authority)?;
    manifests.certificate(&authority.server(&[HOSTNAME])?)?;
    manifests.put("user.yaml", &user())?;
    manifests.domain_of("out", "example.com", exchanger)?;
    Ok(manifests)
}

/// A relay that takes mail of the user on two ports, and asks `dns` where it goes.
fn relay(starttls: u16, implicit: u16, dns: SocketAddr) -> String {
    let (address, dns_port) = (dns.ip(), dns.port());
    format!(
        "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {{name: out, namespace: mail}}
spec:
  hostname: {HOSTNAME}
  listeners:
    - {{name: submission, role: Submission, port: {starttls}}}
    - {{name: submissions, role: Submission, port: {implicit}, tls: {{mode: Implicit}}}}
  tls: {{certificate: {{secretRef: {{name: mx-tls}}}}}}
  auth: {{users: {{secretRefs: [{{name: {USER}}}]}}}}
  routes:
    - name: world
      # Exchangers are never on loopback, but here.
      mx: {{allowCIDRs: [127.0.0.0/8]}}
      tls: {{mode: Verify, caCertificateRefs: [{{name: internal-ca}}]}}
  dns:
    servers: [{{address: {address}, port: {dns_port}}}]
  spool: {{storage: EmptyDir, emptyDir: {{sizeLimit: 1Gi}}, retry: {{firstSeconds: 1, longestSeconds: 2}}}}
  logging: {{format: Text}}
"
    )
}

fn user() -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {USER}, namespace: mail}}
stringData:
  username: {USER}
  passwordHash: {HASH}
  allowedSenders: {SENDER}
"
    )
}
