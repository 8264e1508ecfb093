//! SIGTERM to a relay with a queue: its peer has it all when the process has ended.

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use postern_config::{
    ListenerTls,
    material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY},
};
use postern_spool::{Local, Settings, Spool as _, directory::Disk};
use postern_tests::{
    config::{HOSTNAME, RelayFolder},
    http,
    pki::Authority,
    poll, port,
    process::Process,
};
use tempfile::TempDir;

use crate::{
    mail::{all, entry, put},
    pod::IDENTITY,
};

/// Messages of a test.
const COUNT: usize = 10;

async fn queue(at: &Path) -> Result<Local> {
    Ok(Local::open(Disk::open(&at.join("queue"))?, Settings::for_quota(1 << 30)).await?.0)
}

/// A relay in the folder `at`, whose control port is `control`, ready and with its identity in use.
async fn start(at: &Path, control: SocketAddr, options: &[&str], authority: &Authority) -> Result<Process> {
    let mut folder = RelayFolder::new(&at.join("config"))?;
    folder.listen("submission", ListenerTls::StartTls)?;
    folder.spool("submission");
    folder.show(&Authority::new("Edge CA")?.server(&[HOSTNAME])?)?;
    let identity = authority.identity(IDENTITY)?;
    authority.write(&folder.path().join(IDENTITY_CA))?;
    fs::write(folder.path().join(IDENTITY_CERTIFICATE), identity.pem())?;
    fs::write(folder.path().join(IDENTITY_KEY), identity.key_pem())?;
    folder.write()?;
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
    let paths: [(&str, PathBuf); 3] = [("--config", folder.path().into()), ("--scratch", at.into()), ("--spool", at.join("queue"))];
    let addresses = [("--bind", "127.0.0.1".to_owned()), ("--admin", admin.to_string()), ("--control", control.to_string())];
    let mut arguments: Vec<OsString> = paths.into_iter().flat_map(|(name, path)| [name.into(), path.into()]).collect();
    arguments.extend(addresses.into_iter().flat_map(|(name, address)| [name.into(), address.into()]));
    arguments.extend(options.iter().map(OsString::from));
    let mut process = Process::start(Path::new(env!("CARGO_BIN_EXE_postern-relay")), arguments)?;
    process.line("queue open").await?;
    process.line("identity in use").await?;
    let ready = async || http::get(admin, "/readyz").await.is_ok_and(|response| response.status == 200).then_some(());
    poll::until("the relay to be ready", ready).await?;
    Ok(process)
}

#[tokio::test]
async fn to_its_peer_and_ends() -> Result<()> {
    let (authority, one, two) = (Authority::new("Identity CA")?, TempDir::new()?, TempDir::new()?);
    let port = port::free()?;
    let [address, peer_address] = [1, 2].map(|host| SocketAddr::from((Ipv4Addr::new(127, 0, 2, host), port)));
    let spool = queue(one.path()).await?;
    for _ in 0..COUNT {
        // Held, so that nobody tries to deliver it.
        let id = put(&spool, entry(), b"Subject: x\r\n\r\nhello\r\n").await;
        spool.hold(id).await?;
    }
    let before = all(&spool).await;
    spool.close().await;
    drop(spool);

    let peer = start(two.path(), peer_address, &[], &authority).await?;
    let mut ending = start(one.path(), address, &["--peers", "127.0.2.2"], &authority).await?;
    ending.terminate()?;
    ending.line("the queue is handed over").await?;
    let status = ending.ended().await?;
    ensure!(status.success(), "{status}");
    // It has no peers, and keeps what it has.
    peer.stop().await?;
    ensure!(all(&queue(one.path()).await?).await.is_empty());
    ensure!(all(&queue(two.path()).await?).await == before);
    Ok(())
}

#[tokio::test]
async fn to_nobody_when_there_is_no_peer_and_keeps_it() -> Result<()> {
    let (authority, at) = (Authority::new("Identity CA")?, TempDir::new()?);
    let control = SocketAddr::from((Ipv4Addr::new(127, 0, 2, 3), port::free()?));
    let spool = queue(at.path()).await?;
    let id = put(&spool, entry(), b"hello\r\n").await;
    spool.hold(id).await?;
    let before = all(&spool).await;
    spool.close().await;
    drop(spool);

    let mut ending = start(at.path(), control, &["--peers", "127.0.2.4", "--grace", "2"], &authority).await?;
    ending.terminate()?;
    ending.line("mail stays here until this replica comes back").await?;
    let status = ending.ended().await?;
    ensure!(status.success(), "{status}");
    ensure!(all(&queue(at.path()).await?).await == before);
    Ok(())
}
