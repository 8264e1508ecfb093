//! `postern-relay queue` as a process.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command with these arguments, of the socket.
pub(crate) fn command(socket: &Path, arguments: &[&str]) -> Command {
    of_program(Path::new(env!("CARGO_BIN_EXE_postern-relay")), socket, arguments)
}

pub(crate) fn of_program(program: &Path, socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("queue").args(arguments).arg("--socket").arg(socket).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run_command(mut command: Command) -> Result<Ended> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    Ok(Ended { code: output.status.code().context("killed")?, stdout, stderr })
}

impl Ended {
    /// What it wrote, if it says that all is well.
    pub(crate) fn done(self) -> Result<String> {
        ensure!(self.code == 0, "{self:?}");
        Ok(self.stdout)
    }

    /// What it wrote with `--output json`, whatever its exit code.
    pub(crate) fn objects(&self) -> Result<Vec<Value>> {
        self.stdout.lines().map(|line| serde_json::from_str(line).with_context(|| format!("{self:?}"))).collect()
    }
}
