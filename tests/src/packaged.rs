//! Programs of Debian packages that can't be installed beside others. They run as if they were; `tests/with-packages` says how.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::process::{Output, Process};

/// What is run.
pub(crate) struct Packaged<'a> {
    /// The Debian package, as `tests/setup packages` is told.
    pub(crate) package: &'a [&'a str],
    /// The system users that it would make.
    pub(crate) users: &'a [&'a str],
    /// The program and its arguments.
    pub(crate) command: &'a [&'a str],
}

impl Packaged<'_> {
    /// Starts the program. `folder/etc` has its configuration; what it writes elsewhere than in `folder` is gone with it.
    pub(crate) fn start(&self, folder: &Path, output: Output) -> Result<Process> {
        let mut command = Command::new(script("with-packages"));
        command.arg(packages(self.package)?).arg(self.users.join(",")).arg(folder).args(self.command);
        Process::spawn(&mut command, output)
    }
}

/// Whether tests of such programs are to be skipped, for this machine allows no mounts; then it says so, past the capture of the test runner.
pub fn mounts_are_denied() -> Result<bool> {
    let nothing = tempfile::tempdir()?;
    fs::create_dir(nothing.path().join("etc"))?;
    let mut trial = Command::new(script("with-packages"));
    let tried = trial.arg(nothing.path()).arg("").arg(nothing.path()).arg("true").stdin(Stdio::null()).output()?;
    if !tried.status.success() {
        writeln!(io::stderr(), "skipped, for there can be no mounts here: {}", String::from_utf8_lossy(&tried.stderr).trim())?;
    }
    Ok(!tried.status.success())
}

/// The folder of a package and of what it needs that this machine lacks; downloaded when it isn't there.
fn packages(package: &[&str]) -> Result<PathBuf> {
    let output =
        Command::new(script("setup")).arg("packages").args(package).stderr(Stdio::inherit()).output().context("can't run tests/setup")?;
    ensure!(output.status.success(), "tests/setup packages {} failed ({})", package.join(" "), output.status);
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
