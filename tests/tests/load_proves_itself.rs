//! The benchmark's client and sink: what one sends the other can prove, in clear and over TLS.

use std::path::Path;

use anyhow::{Result, ensure};
use postern_tests::{load::tally::Tally, port, process::Process};

const MESSAGES: u64 = 40;

/// Runs `load` to its end.
async fn load(arguments: &[&str]) -> Result<()> {
    let status = Process::start(program(), arguments)?.ended().await?;
    ensure!(status.success(), "load {arguments:?} ended with {status}");
    Ok(())
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_load"))
}

/// Sends to a sink, and returns its count once it has everything.
async fn tally(sink: &[&str], client: &[&str]) -> Result<Tally> {
    let port = port::free()?;
    let (address, messages) = (format!("127.0.0.1:{port}"), MESSAGES.to_string());
    let mut taking = Process::start(program(), [&["sink", &address, "--verify"], sink].concat())?;
    taking.listens(port).await?;
    load(&[&["send", &address, "--sessions", "4", "--messages", &messages, "--distinct"], client].concat()).await?;
    Ok(serde_json::from_str(&taking.line(&format!("\"messages\":{MESSAGES},")).await?)?)
}

#[tokio::test]
async fn every_message_arrives_whole_in_clear() -> Result<()> {
    let tally = tally(&[], &[]).await?;
    assert_eq!((tally.distinct, tally.corrupt, tally.tls_messages), (MESSAGES, 0, 0));
    Ok(())
}

#[tokio::test]
async fn every_message_arrives_whole_over_tls() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_string_lossy();
    load(&["certificates", &path, "mx.bench.example.com"]).await?;
    let authority = format!("{path}/ca.pem");
    let tally = tally(&["--tls", &path], &["--per-connection", "5", "--authority", &authority]).await?;
    assert_eq!((tally.distinct, tally.corrupt, tally.tls_messages), (MESSAGES, 0, MESSAGES));
    Ok(())
}
