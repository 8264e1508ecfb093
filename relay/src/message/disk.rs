//! The threads that wait for the disk.

use std::{io, thread};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::oneshot;

/// Disk operations at once, each with a thread of its own. A volume that hangs takes no more of the relay than these.
const THREADS: usize = 8;

/// A few threads that do what would block. Work waits its turn; every message has at most one piece of work here.
#[derive(Debug)]
pub(super) struct Disk {
    queue: Sender<Work>,
}

type Work = Box<dyn FnOnce() + Send>;

impl Disk {
    /// Starts the threads, which end when this is dropped.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, work) = unbounded();
        for number in 0..THREADS {
            let work = work.clone();
            thread::Builder::new().name(format!("scratch-{number}")).spawn(move || serve(&work))?;
        }
        Ok(Self { queue })
    }

    /// Does the work on one of the threads. It is done to its end even if this future is dropped; then what it gives is dropped there.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let (done, result) = oneshot::channel();
        self.run_later(move || drop(done.send(work())));
        result.await.map_err(|_| io::Error::other("the threads of the scratch volume are gone"))?
    }

    /// Does the work on one of the threads, and tells nobody.
    pub(super) fn run_later(&self, work: impl FnOnce() + Send + 'static) {
        // Without threads the work is dropped, and whoever waits for it learns that from its own channel.
        drop(self.queue.send(Box::new(work)));
    }
}

fn serve(queue: &Receiver<Work>) {
    for work in queue {
        work();
    }
}
