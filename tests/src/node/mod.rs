//! A real Kubernetes of one node or two, started by `tests/node`: what `tests/node/README.md` says is what a test finds.

pub mod mailserver;
mod network;
pub mod queue;
pub mod relay;
pub mod release;
pub mod samples;
pub mod traffic;
pub mod world;

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    binaries,
    tool::{self, Outcome},
};

pub use network::Network;

/// Where clients in the Internet come from that bind no address.
pub const CLIENT: &str = "203.0.113.7";
/// Postern's image on the node, built from the programs beside the test.
pub const IMAGE: &str = "localhost/postern:test";
/// A real Postfix; `tests/node/README.md` says what it needs.
pub const MAILSERVER_IMAGE: &str = "localhost/mailserver:test";

/// The second node.
pub const SECOND: &str = "node-2";
/// All that there may be.
const NAMES: [&str; 2] = ["node-1", SECOND];

/// A node that runs, or two. Dropping it ends it and removes every trace.
pub struct Node {
    folder: PathBuf,
    /// What Kubernetes calls the node, or both.
    pub names: &'static [&'static str],
}

impl Node {
    /// Why this machine can't run one, in sentences; nothing when it can.
    pub fn obstacles() -> Result<Option<String>> {
        let output = Command::new(script("can-run")).stdin(Stdio::null()).output().context("can't run tests/node/can-run")?;
        Ok((!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    /// Starts one in a folder of its own. Where none can run the reason is said aloud, past the capture of the test runner, and there is none.
    pub fn start_if_possible() -> Result<Option<(TempDir, Self)>> {
        Self::start_if_possible_with(1)
    }

    /// The same with a second one in the same cluster, which can be lost, and counts as lost after a short time.
    pub fn start_two_if_possible() -> Result<Option<(TempDir, Self)>> {
        Self::start_if_possible_with(2)
    }

    fn start_if_possible_with(nodes: usize) -> Result<Option<(TempDir, Self)>> {
        if let Some(reason) = Self::obstacles()? {
            let _ = writeln!(io::stderr(), "skipped, for no node can run here: {reason}");
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let node = Self::start(&folder.path().join("node"), nodes)?;
        Ok(Some((folder, node)))
    }

    /// Starts them in `folder`, which it makes, and waits until all is ready. The first time, Kubernetes is built.
    fn start(folder: &Path, nodes: usize) -> Result<Self> {
        let programs = binaries::find("postern-operator")?.parent().context("a program without a folder")?.to_owned();
        let node = Self { folder: folder.to_owned(), names: &NAMES[..nodes] };
        let mut up = Command::new(script("up"));
        up.arg(folder).arg(programs).arg("--nodes").arg(nodes.to_string());
        let status = up.stdin(Stdio::null()).status().context("can't run tests/node/up")?;
        ensure!(status.success(), "tests/node/up failed");
        Ok(node)
    }

    /// Cuts the power of the second node: it ends at once, and only its disk stays.
    pub async fn lose_second(&self) -> Result<()> {
        self.power("lose").await
    }

    /// Boots the second node again, after it was lost, and waits until it is ready.
    pub async fn revive_second(&self) -> Result<()> {
        self.power("revive").await
    }

    /// The file that tells how to reach the API, from anywhere on this machine, as its administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The network that plays the Internet.
    #[must_use]
    pub fn internet(&self) -> Network {
        Network::new(self.folder.join("internet"))
    }

    /// The network of a node, from which its pods are reached.
    #[must_use]
    pub fn network_of(&self, node: &str) -> Network {
        Network::new(self.folder.join(node).join("process/ns/net"))
    }

    /// Runs kubectl to its end.
    pub async fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        self.program("kubectl", arguments).await
    }

    /// Runs kubectl, which must succeed; what it said.
    pub async fn kubectl_says(&self, arguments: &[&str]) -> Result<String> {
        said("kubectl", arguments, self.kubectl(arguments).await?)
    }

    /// Runs helm, which must succeed; what it said.
    pub async fn helm_says(&self, arguments: &[&str]) -> Result<String> {
        said("helm", arguments, self.helm(arguments).await?)
    }

    /// Applies manifests to `namespace`, as a user does.
    pub async fn apply(&self, namespace: &str, yaml: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(&file, yaml)?;
        let path = file.path().display().to_string();
        self.kubectl_says(&["apply", "--namespace", namespace, "--filename", &path]).await.map(drop)
    }

    /// Runs helm to its end.
    pub async fn helm<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        self.program("helm", arguments).await
    }

    /// Runs a command on the node itself, the first if there are two.
    pub async fn inside<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        self.inside_of(NAMES[0], arguments).await
    }

    /// Runs a command on the node that Kubernetes calls so.
    pub async fn inside_of<A: AsRef<OsStr>>(&self, node: &str, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        let words = [self.folder.as_os_str().to_owned(), node.into()].into_iter();
        tool::run(&script("in").to_string_lossy(), words.chain(arguments.into_iter().map(|word| word.as_ref().to_owned()))).await
    }

    async fn power(&self, name: &str) -> Result<()> {
        let outcome = tool::run(&script(name).to_string_lossy(), [&self.folder]).await?;
        ensure!(outcome.success, "tests/node/{name}: {outcome}");
        Ok(())
    }

    async fn program<A: AsRef<OsStr>>(&self, name: &str, arguments: impl IntoIterator<Item = A>) -> Result<Outcome> {
        let program = self.folder.join("bin").join(name);
        let words = [OsStr::new("--kubeconfig").to_owned(), self.kubeconfig().into_os_string()].into_iter();
        tool::run(&program.to_string_lossy(), words.chain(arguments.into_iter().map(|word| word.as_ref().to_owned()))).await
    }
}

/// A line past the capture of the test runner: what was measured.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "node: {line}");
}

impl Drop for Node {
    fn drop(&mut self) {
        // A failure here leaves the folder, which says what it was.
        let _ = Command::new(script("down")).arg(&self.folder).stdin(Stdio::null()).status();
    }
}

fn said(program: &str, arguments: &[&str], outcome: Outcome) -> Result<String> {
    ensure!(outcome.success, "{program} {}: {outcome}", arguments.join(" "));
    Ok(outcome.text)
}

/// A script of tests/node.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node").join(name)
}
