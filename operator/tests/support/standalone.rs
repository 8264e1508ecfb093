//! `standalone` with a stand-in for the relay, which writes down what happens to it.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "each test uses its share of this")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far longer than anything takes.
const DEADLINE: Duration = Duration::from_mins(1);

/// Writes down its arguments, each SIGTERM, and the end of its standard input. Ends on that, on the first SIGTERM, or when `stubborn` is there
/// on the second; dies at once while `mortal` is there.
const RELAY: &str = r#"#!/bin/sh
log() { echo "$1" >> "$0.log"; }
log "start $*"
if [ -e "$0.mortal" ]; then log dies; exit 3; fi
terms=0
trap 'terms=$((terms + 1)); log "term $terms"; if [ ! -e "$0.stubborn" ] || [ $terms -gt 1 ]; then exit 0; fi' TERM
exec 3<&0
cat <&3 >/dev/null &
reader=$!
while kill -0 $reader 2>/dev/null; do wait $reader; done
log "stdin ended"
"#;

/// A stand-in for the relay, in a folder of its own.
pub struct FakeRelay {
    folder: TempDir,
}

impl FakeRelay {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let relay = Self { folder };
        fs::write(relay.path(), RELAY).unwrap();
        fs::set_permissions(relay.path(), fs::Permissions::from_mode(0o755)).unwrap();
        relay
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("relay")
    }

    /// Switches `mortal` or `stubborn` on or off.
    pub fn set(&self, trait_: &str, on: bool) {
        let file = self.folder.path().join(format!("relay.{trait_}"));
        if on { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
    }

    /// What happened to it so far.
    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("relay.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a line of its log is `line`, and that for the `times`th time.
    pub fn logs(&self, line: &str, times: usize) {
        until(&format!("{line} in the relay's log"), || self.log().iter().filter(|logged| logged.starts_with(line)).count() >= times);
    }
}

/// `standalone` that runs. Dropping it kills it.
pub struct Standalone {
    child: Child,
    output: PathBuf,
    _folder: TempDir,
}

impl Standalone {
    /// Follows `manifests` with its data in `data`.
    pub fn start(manifests: &Path, data: &Path, relay: &FakeRelay) -> Self {
        Self::start_in(Path::new("/"), manifests, data, relay)
    }

    /// The same with paths that are relative to `cwd`.
    pub fn start_in(cwd: &Path, manifests: &Path, data: &Path, relay: &FakeRelay) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        let child = Command::new(env!("CARGO_BIN_EXE_postern-operator"))
            .current_dir(cwd)
            .arg("standalone")
            .arg(manifests)
            .arg("--data")
            .arg(data)
            .arg("--relay")
            .arg(relay.path())
            // Nobody listens there.
            .args(["--admin", "127.0.0.1:1"])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output).unwrap())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self { child, output, _folder: folder }
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Waits until it printed `text`.
    pub fn prints(&self, text: &str) {
        until(&format!("{text:?} to be printed"), || self.output().contains(text));
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("the operator to end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Sends SIGTERM; it must exit 0.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.ended().success());
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `holds`.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
