//! The whole gate, as a user runs it without a cluster: `postern-operator standalone` on a folder of manifests, with the relay as its child.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    binaries,
    client::{Client, Trust},
    config::HOSTNAME,
    manifests::Manifests,
    pki::Authority,
    poll, port,
    process::Process,
};

/// A gate that runs, with a relay called [`HOSTNAME`]. Dropping it kills both processes.
pub struct Gate {
    /// The operator.
    pub process: Process,
    /// What it follows.
    pub manifests: Manifests,
    /// The authority of the relay's certificate.
    pub authority: Authority,
    /// The listener with STARTTLS.
    pub starttls: SocketAddr,
    /// The listener with TLS from the first byte.
    pub implicit: SocketAddr,
    // Removed last.
    folder: TempDir,
}

impl Gate {
    /// Opens a gate for `domains`, all with the next hop `localhost` on `next_hop`, whose certificate `internal` issued.
    pub async fn open(domains: &[&str], next_hop: u16, internal: &Authority) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let manifests = Manifests::new(&folder.path().join("manifests"))?;
        let (starttls, implicit) = (port::free()?, port::free()?);
        let authority = Authority::new("Edge CA")?;
        manifests.trust(internal)?;
        manifests.certificate(&authority.server(&[HOSTNAME])?)?;
        manifests.relay(starttls, implicit)?;
        for domain in domains {
            manifests.domain(domain, next_hop)?;
        }
        let process = start(manifests.path(), &folder.path().join("data"))?;
        let on_loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (starttls, implicit) = (on_loopback(starttls), on_loopback(implicit));
        authority.write(&folder.path().join("edge-ca.pem"))?;
        let mut gate = Self { process, manifests, authority, starttls, implicit, folder };
        gate.becomes_open().await?;
        Ok(gate)
    }

    /// The certificate of [`authority`](Self::authority), for clients of other houses.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("edge-ca.pem")
    }

    /// What a client of the gate trusts.
    pub fn trust(&self) -> Result<Trust> {
        Trust::new(&self.authority, HOSTNAME)
    }

    /// A client that has gone to TLS by STARTTLS and said EHLO.
    pub async fn client(&self) -> Result<Client> {
        Client::ready(self.starttls, &self.trust()?).await
    }

    /// Asks the recipient again and again, each time in a new session, until the reply has `code`.
    pub async fn answers(&self, recipient: &str, code: u16) -> Result<()> {
        let what = format!("RCPT TO:<{recipient}> to be answered {code}");
        poll::until(&what, async || {
            let mut client = self.client().await.ok()?;
            client.ask("MAIL FROM:<sender@client.test>", 250).await.ok()?;
            let reply = client.command(&format!("RCPT TO:<{recipient}>")).await.ok()?;
            (reply.code == code).then_some(())
        })
        .await
    }

    async fn becomes_open(&mut self) -> Result<()> {
        self.process.listens(self.starttls.port()).await?;
        self.process.listens(self.implicit.port()).await
    }
}

fn start(manifests: &Path, data: &Path) -> Result<Process> {
    let admin = SocketAddr::from(([127, 0, 0, 1], port::free()?)).to_string();
    let arguments: [&OsStr; 8] = [
        "standalone".as_ref(),
        manifests.as_ref(),
        "--bind".as_ref(),
        "127.0.0.1".as_ref(),
        "--admin".as_ref(),
        admin.as_ref(),
        "--data".as_ref(),
        data.as_ref(),
    ];
    Process::start(&binaries::find("postern-operator")?, arguments).context("the gate")
}
