//! The end of the process: who is told, who is waited for.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Knows whether the relay is to end, and which connections are still there.
#[derive(Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
    connections: TaskTracker,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every connection ended by itself.
    Whole,
    /// The time was up; so many connections are cut. Their clients have no answer, and keep their mail.
    Cut(usize),
}

impl Drain {
    /// Whether the relay is to end.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Cancelled when the relay is to end.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.begun
    }

    /// The tasks that are waited for.
    #[must_use]
    pub fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    /// Stops accepting, tells every session, and waits for them for at most `grace`.
    pub async fn run(&self, grace: Duration) -> Drained {
        self.begun.cancel();
        self.connections.close();
        match timeout(grace, self.connections.wait()).await {
            Ok(()) => Drained::Whole,
            Err(_) => Drained::Cut(self.connections.len()),
        }
    }
}

/// The signals that ask a process to end: SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals from now on; without it they would end the process at once.
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one; gives its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
