//! `smtp-sink` as a next hop: it takes mail for anyone in clear, writes each message to a file, and breaks where it is told to.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use rustix::process::{Signal, geteuid};

use crate::process::{Output, Process};

/// An `smtp-sink` that runs. Dropping it kills it.
pub struct Sink {
    process: Process,
    folder: PathBuf,
}

impl Sink {
    /// Starts a sink on `port` of 127.0.0.1 that writes into `folder`, which is made; `faults` are its options, such as `-q .` to hang up at
    /// the end of data.
    pub async fn start(port: u16, folder: &Path, faults: &[&str]) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new("/usr/sbin/smtp-sink");
        if geteuid().is_root() {
            // It insists on another user then.
            fs::set_permissions(folder, Permissions::from_mode(0o777))?;
            command.args(["-u", "nobody"]);
        }
        command.args(faults).args(["-m", "1000", "-d"]).arg(folder.join("mail.")).arg(format!("127.0.0.1:{port}")).arg("1000");
        let mut process = Process::spawn(&mut command, Output::Printed)?;
        process.listens(port).await?;
        Ok(Self { process, folder: folder.to_owned() })
    }

    /// Kills it at once, whatever it is about to say.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.signal(Signal::KILL)?;
        self.process.ended().await?;
        Ok(())
    }

    /// Makes it fall silent, with its connections open.
    pub fn pause(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// Everything that it wrote: envelope lines (`X-Mail-Args`, `X-Rcpt-Args`), header and body, lines ended by LF. The last may be half there.
    pub fn messages(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        entries.map(|entry| Ok(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned())).collect()
    }

    /// How many messages it wrote, whole or not.
    pub fn count(&self) -> Result<usize> {
        Ok(fs::read_dir(&self.folder)?.count())
    }

    /// The arguments of every RCPT that it was asked so far; it must have been started with `-v`.
    #[must_use]
    pub fn recipients(&self) -> Vec<String> {
        self.process.log().iter().filter_map(|line| line.split_once("RCPT TO:").map(|(_, recipient)| recipient.to_owned())).collect()
    }
}
