//! Child processes: started with their output kept, awaited with a deadline, and always ended, with all that they started.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::poll;

/// What becomes of a child's output beside being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Printed line by line, with the child's name before it. The test runner shows it when the test fails.
    Printed,
    /// Not shown.
    Kept,
}

/// A child process, leader of a process group of its own. Dropping it kills the group.
pub struct Process {
    name: String,
    child: Child,
    log: Log,
}

/// The lines that a child wrote so far to both of its outputs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Process {
    /// Starts `program` with `arguments`; its output is [`Output::Printed`].
    pub fn start<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Result<Self> {
        Self::spawn(Command::new(program).args(arguments), Output::Printed)
    }

    /// Starts `command`.
    pub fn spawn(command: &mut Command, output: Output) -> Result<Self> {
        let program = PathBuf::from(command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            follow(stdout, &name, &log, output);
        }
        if let Some(stderr) = child.stderr.take() {
            follow(stderr, &name, &log, output);
        }
        Ok(Self { name, child, log })
    }

    /// The child's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.exited().is_none()
    }

    /// Everything that it wrote so far, standard output and standard error as they came.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// The first line that holds `text`, awaited.
    pub async fn line(&mut self, text: &str) -> Result<String> {
        self.line_after(0, text).await
    }

    /// The first line that holds `text` after the first `skipped` lines of the log, awaited.
    pub async fn line_after(&mut self, skipped: usize, text: &str) -> Result<String> {
        let what = format!("{:?} from {}", text, self.name);
        let found = poll::until(&what, async || {
            let line = self.log().into_iter().skip(skipped).find(|line| line.contains(text));
            // Asked after the look at the log, so that a last line isn't missed.
            line.map(Ok).or_else(|| self.exited().map(Err))
        });
        found.await?.map_err(|status| anyhow::anyhow!("{} ended ({status}) before it said {text:?}", self.name))
    }

    /// Waits until a server accepts connections on a loopback `port`.
    pub async fn listens(&mut self, port: u16) -> Result<()> {
        self.listens_at((Ipv4Addr::LOCALHOST, port).into()).await
    }

    /// Waits until a server accepts connections at `address`.
    pub async fn listens_at(&mut self, address: SocketAddr) -> Result<()> {
        let what = format!("{} to listen at {address}", self.name);
        let outcome = poll::until(&what, async || {
            let connected = tokio::net::TcpStream::connect(address).await;
            if connected.is_ok() { Some(Ok(())) } else { self.exited().map(Err) }
        });
        outcome.await?.map_err(|status| anyhow::anyhow!("{} ended ({status}) before it listened at {address}", self.name))
    }

    /// Asks the child (not its children) to end: SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Sends `signal` to the child alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).with_context(|| format!("can't signal {}", self.name))
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let what = format!("{} to end", self.name);
        poll::until(&what, async || self.exited()).await
    }

    /// Asks the child to end, and fails unless it exits 0.
    pub async fn stop(mut self) -> Result<()> {
        self.terminate()?;
        let status = self.ended().await?;
        ensure!(status.success(), "{} ended with {status} after SIGTERM", self.name);
        Ok(())
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(i32::try_from(self.child.id())?).context("no process id")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group outlives its leader while a grandchild runs.
        if let Ok(pid) = self.pid() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// Reads one output to its end in a thread of its own. A thread inherits the capture of the test that starts it.
fn follow(output: impl Read + Send + 'static, name: &str, log: &Log, shown: Output) {
    let (name, log) = (name.to_owned(), log.clone());
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if shown == Output::Printed {
                println!("{name}| {line}");
            }
            log.push(line);
        }
    });
}
