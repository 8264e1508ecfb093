//! Programs that run to their end: the clients of other houses.

use std::{ffi::OsStr, fmt, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::poll;

/// What a program said, and how it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether it exited 0.
    pub success: bool,
    /// Standard output, then standard error.
    pub text: String,
}

impl Outcome {
    /// Fails, showing all that was said, unless the program exited 0 and said `text`.
    pub fn expect(&self, text: &str) -> Result<()> {
        ensure!(self.success && self.text.contains(text), "expected {text:?} and success\n{self}");
        Ok(())
    }

    /// Fails, showing all that was said, unless the program exited with an error and said `text`.
    pub fn expect_failure(&self, text: &str) -> Result<()> {
        ensure!(!self.success && self.text.contains(text), "expected {text:?} and failure\n{self}");
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Runs `program` to its end, without input.
pub async fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = poll::within(program, command.output()).await?.with_context(|| format!("can't run {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok(Outcome { success: output.status.success(), text: text.into_owned() })
}
