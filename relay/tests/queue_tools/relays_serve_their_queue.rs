//! A relay as a process answers on its socket, whatever lies there, and says what is wrong when it can't.

use std::{
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use postern_config::ListenerTls;
use postern_spool::Spool as _;
use postern_tests::{http, poll, port, relay::Relay};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::{
    letters::Letter,
    tool::{Ended, command, run_command},
    world,
};

/// A relay whose queue has one message, which is held.
struct Site {
    at: TempDir,
    socket: PathBuf,
}

impl Site {
    async fn new() -> Result<Self> {
        let at = TempDir::new()?;
        let spool = world::open(&at.path().join("queue")).await?;
        Letter { held: true, ..Letter::new(60, "<billing@sender.example>", &["<jo@example.com>"]) }.put(&spool).await?;
        spool.close().await;
        let socket = at.path().join("queue.sock");
        Ok(Self { at, socket })
    }

    async fn start(&self) -> Result<Relay> {
        let (queue, socket) = (self.at.path().join("queue").display().to_string(), self.socket.display().to_string());
        let options = ["--spool", &queue, "--queue-socket", &socket];
        Relay::start_with(&options, port::free()?, ListenerTls::StartTls, |folder| {
            folder.spool("mx");
            Ok(())
        })
        .await
    }

    /// Waits until the relay has opened its queue, and lists it.
    async fn listed(&self) -> Result<String> {
        let listed = async || ask(&self.socket, &["list"]).await.ok()?.done().ok();
        poll::until("the queue to be open", listed).await
    }
}

async fn ask(socket: &Path, arguments: &[&str]) -> Result<Ended> {
    let command = command(socket, arguments);
    spawn_blocking(|| run_command(command)).await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_crash_left_is_replaced() -> Result<()> {
    let site = Site::new().await?;
    let mut relay = site.start().await?;
    ensure!(site.listed().await?.contains("jo@example.com"));
    relay.kill()?;
    relay.ended().await?;
    ensure!(site.socket.exists());
    let ended = ask(&site.socket, &["list"]).await?;
    ensure!(ended.code == 3 && ended.stderr.contains("no relay answers at"), "{ended:?}");
    let relay = site.start().await?;
    ensure!(site.listed().await?.contains("jo@example.com"));
    ask(&site.socket, &["delete", "--all"]).await?.done()?;
    relay.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_in_use_is_left_and_mail_goes_on() -> Result<()> {
    let site = Site::new().await?;
    let other = UnixListener::bind(&site.socket)?;
    let mut relay = site.start().await?;
    relay.says("queue tools can't be answered").await?;
    drop(other);
    relay.client().await?;
    relay.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_a_queue_says_how_to_give_it_one() -> Result<()> {
    let at = TempDir::new()?;
    let socket = at.path().join("queue.sock");
    let relay =
        Relay::start_with(&["--queue-socket", &socket.display().to_string()], port::free()?, ListenerTls::StartTls, |_| Ok(())).await?;
    for arguments in [&["list"][..], &["stats"], &["delete", "--all"]] {
        let ended = ask(&socket, arguments).await?;
        ensure!(ended.code == 3 && ended.stderr.contains("set spec.spool"), "{ended:?}");
    }
    relay.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_relay_runs_it_is_told_where_to_look() -> Result<()> {
    let at = TempDir::new()?;
    let socket = at.path().join("queue.sock");
    let ended = ask(&socket, &["list"]).await?;
    ensure!(ended.code == 3 && ended.stdout.is_empty(), "{ended:?}");
    ensure!(ended.stderr.contains(&socket.display().to_string()) && ended.stderr.contains("kubectl exec"), "{ended:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port_has_nothing_of_the_queue() -> Result<()> {
    let site = Site::new().await?;
    let relay = site.start().await?;
    site.listed().await?;
    for path in ["/list", "/change", "/statistics", "/messages/00000000-0000-7000-8000-000000000000"] {
        ensure!(http::get(relay.admin, path).await?.status == 404, "{path}");
    }
    for path in ["/status", "/metrics"] {
        ensure!(!http::get(relay.admin, path).await?.body.contains("jo@example.com"), "{path}");
    }
    relay.stop().await
}
