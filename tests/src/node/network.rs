//! The network that plays the Internet, and those of the nodes. A thread that enters one makes every connection from there.

use std::{fs::File, future::Future, os::fd::AsFd as _, path::PathBuf, thread};

use anyhow::{Context, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::runtime::Builder;

/// A network.
#[derive(Clone, Debug)]
pub struct Network {
    namespace: PathBuf,
}

/// Work that goes on in a network.
pub struct Errand<T> {
    thread: thread::JoinHandle<Result<T>>,
}

impl Network {
    pub(super) const fn new(namespace: PathBuf) -> Self {
        Self { namespace }
    }

    /// Does something there and waits for it. In the Internet every connection that `work` opens comes from [`super::CLIENT`].
    pub async fn run<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>>,
    {
        self.start(work).end().await
    }

    /// Begins something there, on a thread of its own.
    pub fn start<T, F>(&self, work: impl FnOnce() -> F + Send + 'static) -> Errand<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>>,
    {
        let path = self.namespace.clone();
        let thread = thread::spawn(move || {
            let namespace = File::open(&path).with_context(|| path.display().to_string())?;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            // One thread: another one would not be in that network.
            Builder::new_current_thread().enable_all().build()?.block_on(work())
        });
        Errand { thread }
    }
}

impl<T: Send + 'static> Errand<T> {
    /// Waits for the end of it.
    pub async fn end(self) -> Result<T> {
        tokio::task::spawn_blocking(move || self.thread.join()).await?.map_err(|_| anyhow!("a panic in another network"))?
    }
}
