//! A whole site: the gate, and a real mail server behind it.

use std::net::SocketAddr;

use anyhow::Result;
use tempfile::TempDir;

use crate::{
    gate::Gate,
    mail_server::{DOMAINS, MailServer as _},
    pki::Authority,
    port,
    postfix::Postfix,
    process::Output,
    tool,
};

/// A gate for the domains of a Postfix behind it.
pub struct Site {
    /// The gate.
    pub gate: Gate,
    /// The server.
    pub postfix: Postfix,
    /// The server's port.
    pub port: u16,
    // Removed last.
    _folder: TempDir,
}

impl Site {
    /// Starts both.
    pub async fn open() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let internal = Authority::new("Internal CA")?;
        let port = port::free()?;
        let postfix = Postfix::start(folder.path(), port, &internal.server(&["localhost"])?, Output::Printed).await?;
        let gate = Gate::open(&DOMAINS, port, &internal).await?;
        Ok(Self { gate, postfix, port, _folder: folder })
    }

    /// Stops both, and fails unless each ends well.
    pub async fn close(self) -> Result<()> {
        self.gate.process.stop().await?;
        self.postfix.stop().await
    }

    /// Runs swaks against `server`, with `arguments` after those that name client and server. Where it speaks TLS, it trusts the relay's
    /// authority alone.
    pub async fn swaks(&self, server: SocketAddr, arguments: &[&str]) -> Result<tool::Outcome> {
        let (server, ca) = (server.to_string(), self.gate.ca_file().display().to_string());
        let common = ["--server", &server, "--ehlo", "client.test", "--from", "sender@client.test", "--tls-verify", "--tls-ca-path", &ca];
        tool::run("swaks", common.iter().chain(arguments)).await
    }
}
