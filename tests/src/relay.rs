//! A `postern-relay` of its own, run on a configuration folder without the operator.

use std::{net::SocketAddr, path::Path, process::ExitStatus};

use anyhow::Result;

use crate::{binaries, config::RelayFolder, http, poll, port, process::Process};

/// A relay that runs. Dropping it kills it.
pub struct Relay {
    process: Process,
    admin: SocketAddr,
}

impl Relay {
    /// Starts a relay on `folder`, which must have been written, and waits until it is ready. It keeps large messages in `scratch`.
    pub async fn start(folder: &RelayFolder, scratch: &Path) -> Result<Self> {
        let admin = SocketAddr::from(([127, 0, 0, 1], port::free()?));
        let mut process = Process::start(
            &binaries::find("postern-relay")?,
            [
                "--config".as_ref(),
                folder.path().as_os_str(),
                "--bind".as_ref(),
                "127.0.0.1".as_ref(),
                "--admin".as_ref(),
                admin.to_string().as_ref(),
                "--scratch".as_ref(),
                scratch.as_os_str(),
                "--log-format".as_ref(),
                "text".as_ref(),
            ],
        )?;
        process.listens(admin.port()).await?;
        let relay = Self { process, admin };
        relay.becomes_ready().await?;
        Ok(relay)
    }

    /// Waits until `/readyz` says 200.
    pub async fn becomes_ready(&self) -> Result<()> {
        let ready = async || matches!(http::get(self.admin, "/readyz").await, Ok(response) if response.status == 200).then_some(());
        poll::until("the relay to be ready", ready).await
    }

    /// Its admin port.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Everything that it logged.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        self.process.terminate()
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.process.ended().await
    }

    /// Sends SIGTERM, and fails unless the relay exits 0.
    pub async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}
