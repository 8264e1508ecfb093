//! What the demo runs: a Postfix as the internal mail server, the gate on a copy of the quick start; and a relay for mail out, with a second
//! Postfix as the world and DNS that names it.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use postern_tests::{
    binaries,
    mail_server::{DOMAINS, MailServer as _, USERS},
    manifests::Manifests,
    outbound::{self, Outbound},
    pki::Authority,
    postfix::Postfix,
    process::{Output, Process},
};
use tempfile::TempDir;

/// Where the gate listens: the quick start's port 25, which is 10025 without privileges.
pub(crate) const GATE: &str = "127.0.0.1:10025";
/// The ports of the gate with STARTTLS and with TLS from the first byte, of its `/status`, and of the next hop that the quick start names.
const GATE_PORT: u16 = 10_025;
const IMPLICIT_PORT: u16 = 10_465;
const ADMIN_PORT: u16 = 9464;
const INTERNAL_PORT: u16 = 2525;

/// All that runs.
pub(crate) struct Stage {
    pub(crate) postfix: Postfix,
    pub(crate) outbound: Outbound,
    operator: Process,
    manifests: Manifests,
    // Removed last.
    _folder: TempDir,
}

impl Stage {
    /// Starts the mail server, then the gate, of which `output` is shown or kept.
    pub(crate) async fn open(output: Output) -> Result<Self> {
        for port in [GATE_PORT, IMPLICIT_PORT, ADMIN_PORT, INTERNAL_PORT] {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
            free.with_context(|| format!("port {port} is in use: stop what listens there, and try again"))?;
        }
        let folder = tempfile::Builder::new().prefix("postern-demo-").tempdir()?;
        let authority = Authority::new("Demo internal CA")?;
        let certificate = authority.server(&["localhost"])?;
        let postfix = Postfix::start(&folder.path().join("internal"), INTERNAL_PORT, &certificate, Output::Kept).await?;
        let manifests = copy_quickstart(&folder.path().join("manifests"))?;
        manifests.trust(&authority)?;
        let mut command = Command::new(binaries::find("postern-operator")?);
        command.arg("standalone").arg(manifests.path()).args(["--bind", "127.0.0.1", "--data"]).arg(folder.path().join("data"));
        let outbound = Outbound::start(&folder.path().join("outbound"), output).await?;
        let mut stage = Self { postfix, outbound, operator: Process::spawn(&mut command, output)?, manifests, _folder: folder };
        let opened = stage.operator.listens(GATE_PORT).await;
        if opened.is_err() {
            stage.show_logs();
        }
        opened.map(|()| stage)
    }

    /// Says what runs where.
    pub(crate) fn describe(&self) {
        println!("Manifests        {}", self.manifests.path().display());
        println!("The gate         {GATE} with STARTTLS, 127.0.0.1:{IMPLICIT_PORT} with TLS from the first byte");
        println!("Its status       {}/.status, http://127.0.0.1:{ADMIN_PORT}/status and /metrics", self.manifests.path().display());
        println!("Behind it        a Postfix on 127.0.0.1:{INTERNAL_PORT} with {} at {}", USERS.join(", "), DOMAINS.join(" and "));
        println!("Mail out         {} for the user {}, by DNS at {}", self.outbound.address, outbound::USER, self.outbound.zone.address());
        println!("Its manifests    {}", self.outbound.manifests.path().display());
        println!("Mail arrives in  {}", self.postfix.mailbox("alice@example.com").display());
    }

    /// Shows what both sides logged.
    pub(crate) fn show_logs(&self) {
        let outbound = [self.outbound.operator.log(), self.outbound.server.log()].concat();
        for line in self.operator.log().iter().chain(&self.postfix.log()).chain(&outbound) {
            eprintln!("   | {line}");
        }
    }

    /// Stops all, and fails unless each ends well.
    pub(crate) async fn close(self) -> Result<()> {
        self.outbound.stop().await?;
        self.operator.stop().await?;
        self.postfix.stop().await
    }
}

/// Copies the manifests of the quick start to a folder of the demo's own.
fn copy_quickstart(folder: &Path) -> Result<Manifests> {
    let source = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/quickstart"));
    let manifests = Manifests::new(folder)?;
    let mut copied = 0;
    for entry in fs::read_dir(&source).with_context(|| source.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            manifests.put(&path.file_name().unwrap_or_default().to_string_lossy(), &fs::read_to_string(&path)?)?;
            copied += 1;
        }
    }
    ensure!(copied > 0, "{} holds no manifests", source.display());
    Ok(manifests)
}
