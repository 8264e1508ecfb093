//! The relay as a process of its own.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use anyhow::Result;
use postern_config::{ListenerTls, NextHopTlsMode};
use postern_tests::{
    client::Client,
    config::{HOSTNAME, RelayFolder},
    http,
    pki::Authority,
    poll, port,
    process::Process,
};
use tempfile::TempDir;

/// A relay for `example.com`, whose next hop nobody listens on.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) admin: SocketAddr,
    address: SocketAddr,
    _at: TempDir,
}

impl Started {
    /// Starts it with `options` besides those that it needs, and waits until it is ready.
    pub(crate) async fn with(options: &[&str]) -> Result<Self> {
        let at = TempDir::new()?;
        let mut folder = RelayFolder::new(&at.path().join("config"))?;
        let port = folder.listen("mx", ListenerTls::StartTlsOptional)?;
        folder.accept("example.com", port::free()?, NextHopTlsMode::Opportunistic)?;
        folder.show(&Authority::new("Edge CA")?.server(&[HOSTNAME])?)?;
        folder.write()?;
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let mut arguments: Vec<OsString> = vec!["--bind".into(), "127.0.0.1".into(), "--admin".into(), admin.to_string().into()];
        arguments.extend(["--config".into(), folder.path().into(), "--scratch".into(), at.path().into()]);
        arguments.extend(options.iter().map(OsString::from));
        let mut process = Process::start(Path::new(env!("CARGO_BIN_EXE_postern-relay")), arguments)?;
        process.listens(admin.port()).await?;
        let ready = async || http::get(admin, "/readyz").await.is_ok_and(|response| response.status == 200).then_some(());
        poll::until("the relay to be ready", ready).await?;
        Ok(Self { process, admin, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _at: at })
    }

    /// A client that began a transaction.
    pub(crate) async fn client(&self) -> Result<Client> {
        let mut client = Client::connect(self.address).await?;
        client.expect(220).await?;
        client.ask("EHLO client.test", 250).await?;
        client.ask("MAIL FROM:<sender.of.mail@client.test>", 250).await?;
        Ok(client)
    }
}
