//! `postern-relay queue`, asked as a program asks it.

use std::{ffi::OsStr, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{binaries, tool};

/// What a command tells of the queue of the relay that answers at `socket`.
pub async fn ask(socket: &Path, command: &[&str]) -> Result<Vec<Value>> {
    let program = binaries::find("postern-relay")?;
    let words = ["queue"].iter().chain(command).chain(&["--output", "json", "--socket"]).map(OsStr::new);
    let outcome = tool::run(program.to_str().context("a path")?, words.chain([socket.as_os_str()])).await?;
    outcome.expect("")?;
    outcome.text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// How many messages are in it.
pub async fn count(socket: &Path) -> Result<u64> {
    let statistics = ask(socket, &["stats"]).await?.pop().context("no statistics")?;
    statistics["messages"].as_u64().with_context(|| statistics.to_string())
}
