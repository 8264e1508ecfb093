//! The relay as a child process: started, started again when it dies, stopped with time for its transactions.

use std::{io, net::IpAddr, path::PathBuf, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, ChildStdin, Command},
    time::{Instant, sleep_until},
};

use super::signals::Signals;

/// How soon a relay that died is started again; doubled each time.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// And no later than this.
const LAST_DELAY: Duration = Duration::from_secs(30);
/// A relay that ran for so long did not die of what it was started with.
const STEADY: Duration = Duration::from_mins(1);

/// How a relay is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) config: PathBuf,
    pub(super) scratch: PathBuf,
    pub(super) bind: IpAddr,
    pub(super) admin: std::net::SocketAddr,
    /// Where the queue is, when it is in a folder.
    pub(super) queue: Option<PathBuf>,
    /// Flags that follow from the resource.
    pub(super) logging: Vec<String>,
}

/// A relay that is to run.
#[derive(Debug)]
pub(super) struct Relay {
    launch: Launch,
    state: State,
    delay: Duration,
}

#[derive(Debug)]
enum State {
    Running {
        child: Box<Child>,
        since: Instant,
        /// Open as long as the relay is to run. Waiting for the child would close it, so it is kept apart.
        lifeline: Option<ChildStdin>,
    },
    /// It died, or could not be started; it is started again then.
    Waiting { until: Instant },
}

impl Relay {
    /// Starts a relay.
    pub(super) fn start(launch: Launch) -> Self {
        let mut relay = Self { launch, state: State::Waiting { until: Instant::now() }, delay: FIRST_DELAY };
        relay.spawn();
        relay
    }

    pub(super) fn launch(&self) -> &Launch {
        &self.launch
    }

    fn spawn(&mut self) {
        match self.launch.command().spawn() {
            Ok(mut child) => self.state = State::Running { lifeline: child.stdin.take(), child: Box::new(child), since: Instant::now() },
            Err(error) => self.fail(&format!("{}: {error}", self.launch.program.display())),
        }
    }

    fn fail(&mut self, why: &str) {
        println!("relay: {why}; starting it again in {:.1} s", self.delay.as_secs_f32());
        self.state = State::Waiting { until: Instant::now() + self.delay };
        self.delay = (self.delay * 2).min(LAST_DELAY);
    }

    /// Waits for ever, and keeps the relay running meanwhile. Returns after each change. May be dropped and called again.
    pub(super) async fn supervise(&mut self) {
        match &mut self.state {
            State::Waiting { until } => {
                sleep_until(*until).await;
                self.spawn();
            }
            State::Running { child, since, .. } => {
                let ended = child.wait().await;
                if since.elapsed() > STEADY {
                    self.delay = FIRST_DELAY;
                }
                let why = ended.map_or_else(|error| error.to_string(), |status| format!("ended ({status})"));
                self.fail(&why);
            }
        }
    }

    /// Asks the relay to end, and waits until its transactions have. A signal in the meantime ends them at once.
    pub(super) async fn stop(self, signals: &mut Signals) -> io::Result<Stopped> {
        let State::Running { mut child, lifeline, .. } = self.state else { return Ok(Stopped::InPeace) };
        terminate(&child)?;
        let mut stopped = Stopped::InPeace;
        loop {
            tokio::select! {
                ended = child.wait() => {
                    ended?;
                    drop(lifeline);
                    return Ok(stopped);
                }
                () = signals.next() => {
                    // On its second signal the relay cuts what is open.
                    terminate(&child)?;
                    stopped = Stopped::Hurried;
                }
            }
        }
    }
}

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// With time for its transactions.
    InPeace,
    /// A signal came while it finished them.
    Hurried,
}

fn terminate(child: &Child) -> io::Result<()> {
    match child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        Some(pid) => Ok(kill_process(pid, Signal::TERM)?),
        // It was waited for already.
        None => Ok(()),
    }
}

impl Launch {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).arg("--scratch").arg(&self.scratch);
        command.args(["--bind", &self.bind.to_string(), "--admin", &self.admin.to_string(), "--admin-status", "--stop-with-stdin"]);
        if let Some(queue) = &self.queue {
            command.arg("--spool").arg(queue);
        }
        command.args(&self.logging);
        // The pipe closes when this process ends, however that comes about, and the relay ends with it.
        command.stdin(Stdio::piped()).kill_on_drop(true);
        // A signal of the terminal is for this process, which asks the relay to end itself.
        command.process_group(0);
        command
    }
}
