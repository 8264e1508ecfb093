//! A `postern-relay` of its own, run on a configuration folder without the operator.

use std::{ffi::OsStr, net::SocketAddr, path::Path, process::ExitStatus};

use anyhow::Result;
use postern_config::{ListenerTls, NextHopTlsMode};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    binaries,
    client::{Client, Trust},
    config::{HOSTNAME, RelayFolder},
    http,
    pki::Authority,
    poll, port,
    process::Process,
    queue_tool,
};

/// A relay that runs, called [`HOSTNAME`], with one listener. Dropping it kills it.
pub struct Relay {
    process: Process,
    /// Its configuration.
    pub config: RelayFolder,
    /// Its listener.
    pub address: SocketAddr,
    /// Its admin port.
    pub admin: SocketAddr,
    trust: Trust,
    options: Vec<String>,
    // Removed last.
    folder: TempDir,
}

impl Relay {
    /// Starts a relay that accepts `example.com`, with the next hop 127.0.0.1 on `next_hop` and TLS to it when it is offered, and waits
    /// until it is ready. `adjust` may change the configuration before.
    pub async fn start(next_hop: u16, tls: ListenerTls, adjust: impl FnOnce(&mut RelayFolder) -> Result<()>) -> Result<Self> {
        Self::start_with(&[], next_hop, tls, adjust).await
    }

    /// The same with `options` on its command line.
    pub async fn start_with(
        options: &[&str],
        next_hop: u16,
        tls: ListenerTls,
        adjust: impl FnOnce(&mut RelayFolder) -> Result<()>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new("Edge CA")?;
        let mut config = RelayFolder::new(&folder.path().join("config"))?;
        let address = SocketAddr::from(([127, 0, 0, 1], config.listen("mx", tls)?));
        config.accept("example.com", next_hop, NextHopTlsMode::Opportunistic)?;
        config.show(&authority.server(&[HOSTNAME])?)?;
        adjust(&mut config)?;
        config.write()?;
        let admin = SocketAddr::from(([127, 0, 0, 1], port::free()?));
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        let process = spawn(&config, admin, folder.path(), &options)?;
        let mut relay = Self { process, config, address, admin, trust: Trust::new(&authority, HOSTNAME)?, options, folder };
        relay.becomes_ready().await?;
        Ok(relay)
    }

    /// A client that has gone to TLS by STARTTLS and said EHLO.
    pub async fn client(&self) -> Result<Client> {
        Client::ready(self.address, &self.trust).await
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        self.process.terminate()
    }

    /// Ends it at once, as a node that is lost would.
    pub fn kill(&self) -> Result<()> {
        self.process.signal(Signal::KILL)
    }

    /// Starts it again when it has ended, with the same options and folders, and waits until it is ready.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = spawn(&self.config, self.admin, self.folder.path(), &self.options)?;
        self.becomes_ready().await
    }

    /// How many messages are in its queue, as its own tool tells.
    pub async fn queued(&self) -> Result<u64> {
        queue_tool::count(&self.folder.path().join("queue.sock")).await
    }

    /// Waits until its log has a line with `text`.
    pub async fn says(&mut self, text: &str) -> Result<()> {
        self.process.line(text).await?;
        Ok(())
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.process.ended().await
    }

    /// Sends SIGTERM, and fails unless the relay exits 0.
    pub async fn stop(self) -> Result<()> {
        self.process.stop().await
    }

    async fn becomes_ready(&mut self) -> Result<()> {
        self.process.listens(self.admin.port()).await?;
        let ready = async || matches!(http::get(self.admin, "/readyz").await, Ok(response) if response.status == 200).then_some(());
        poll::until("the relay to be ready", ready).await
    }
}

fn spawn(config: &RelayFolder, admin: SocketAddr, scratch: &Path, options: &[String]) -> Result<Process> {
    let admin = admin.to_string();
    let arguments: [(&str, &OsStr); 5] = [
        ("--config", config.path().as_ref()),
        ("--bind", "127.0.0.1".as_ref()),
        ("--admin", admin.as_ref()),
        ("--scratch", scratch.as_ref()),
        ("--log-format", "text".as_ref()),
    ];
    Process::start(
        &binaries::find("postern-relay")?,
        arguments.iter().flat_map(|(name, value)| [(*name).as_ref(), *value]).chain(options.iter().map(OsStr::new)),
    )
}
