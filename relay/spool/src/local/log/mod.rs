//! The log: one thread that makes every change, in order and in batches.
//!
//! It takes all requests that wait, writes their records with one call, syncs once, applies them to the index, and answers. While it syncs, the
//! next requests gather. So the cost of a sync is shared by all who wait for it, and nobody but this thread changes what is durable.

mod active;
mod ballast;
mod commit;
mod draft;
mod request;
mod upkeep;

use std::{collections::HashSet, fmt::Debug, io, sync::Arc, thread};

use active::Active;
pub(super) use ballast::Ballast;
pub(super) use request::{Addition, Amendment, Change, Requests};
use request::{Call, Request};
use tokio::sync::{mpsc, watch};
use upkeep::Upkeep;

use super::{recover::Opened, store::Store};
use crate::directory::Directory;

/// A batch is written when it has this many bytes, even if more requests wait.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The same, in requests.
const BATCH_REQUESTS: usize = 1024;

/// The one who writes.
#[derive(Debug)]
pub(super) struct Log {
    store: Arc<Store>,
    directory: Arc<dyn Directory>,
    calls: mpsc::Receiver<Call>,
    /// A request that has to wait for the next batch, since this one changes its message already.
    carried: Option<Request>,
    /// Where records are appended.
    active: Option<Active>,
    next_segment: u32,
    next_sequence: u64,
    segment_bytes: u64,
    ballast: Ballast,
    upkeep: Upkeep,
}

/// Starts the log. `lock` is given back when it has ended.
pub(super) fn start(opened: Opened, segment_bytes: u64, lock: Box<dyn Debug + Send + Sync>) -> io::Result<(Arc<Store>, Requests)> {
    let (requests, calls, end) = Requests::channel();
    let store = Arc::new(opened.store);
    let mut log = Log {
        store: store.clone(),
        directory: opened.log,
        calls,
        carried: None,
        active: None,
        next_segment: opened.next_segment,
        next_sequence: opened.next_sequence,
        segment_bytes,
        ballast: opened.ballast,
        upkeep: Upkeep::default(),
    };
    log.ballast.take(&store.usage);
    thread::Builder::new().name("spool".to_owned()).spawn(move || run(log, lock, end))?;
    Ok((store, requests))
}

fn run(mut log: Log, lock: Box<dyn Debug + Send + Sync>, end: watch::Sender<()>) {
    log.look_after();
    while let Some(batch) = log.gather() {
        log.commit(batch);
    }
    log.complete_active();
    drop(log);
    drop(lock);
    drop(end);
}

impl Log {
    /// The requests of the next batch, at most one for each message; waits for the first. `None` at the end.
    fn gather(&mut self) -> Option<Vec<Request>> {
        let mut batch = self.moves();
        batch.extend(self.carried.take());
        if batch.is_empty() {
            batch.push(self.wait()?);
        }
        let mut changed: HashSet<_> = batch.iter().map(|request| request.id).collect();
        if changed.len() < batch.len() {
            // The request that was carried over waits once more.
            self.carried = batch.pop();
            return Some(batch);
        }
        let mut bytes: usize = batch.iter().map(Request::content_len).sum();
        while bytes < BATCH_BYTES && batch.len() < BATCH_REQUESTS {
            let Ok(call) = self.calls.try_recv() else { break };
            let Some(request) = self.take(call) else { continue };
            if !changed.insert(request.id) {
                self.carried = Some(request);
                break;
            }
            bytes += request.content_len();
            batch.push(request);
        }
        Some(batch)
    }

    fn wait(&mut self) -> Option<Request> {
        loop {
            let call = self.calls.blocking_recv()?;
            if let Some(request) = self.take(call) {
                return Some(request);
            }
        }
    }

    fn take(&mut self, call: Call) -> Option<Request> {
        match call {
            Call::Make(request) => Some(*request),
            Call::Close => {
                self.calls.close();
                None
            }
        }
    }
}
