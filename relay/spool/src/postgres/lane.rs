//! Many sessions' changes in one statement: while it is under way and the server syncs, the next gather.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::{mpsc, oneshot};

use super::failure::share;
use crate::{MessageId, SpoolError};

/// Changes in one statement at most, and what these may weigh in bytes unless it is one alone.
const MOST: usize = 500;
const HEAVIEST: usize = 8 << 20;

/// What can be done to many messages with one statement.
pub(super) trait Batch: Send + 'static {
    /// What is to be done to one message.
    type Item: Item;

    /// Does it to all, or to none when it fails as a whole. Gives what became of each, in their order.
    fn run(&self, items: &[Self::Item]) -> impl Future<Output = Result<Vec<Result<(), SpoolError>>, SpoolError>> + Send;
}

/// What is to be done to one message.
pub(super) trait Item: Send + Sync + 'static {
    /// The message: one statement changes it once.
    fn id(&self) -> MessageId;

    /// Bytes that go over the link.
    fn weight(&self) -> usize;
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) changes: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) set_aside: AtomicU64,
}

/// Where changes of one kind queue. Who waits has a session of its own, which bounds how many there are.
#[derive(Debug)]
pub(super) struct Lane<I> {
    requests: mpsc::UnboundedSender<Request<I>>,
}

#[derive(Debug)]
enum Request<I> {
    Do(I, Option<oneshot::Sender<Result<(), SpoolError>>>),
    /// To be answered when all before it is done.
    Settle(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

impl<I> Clone for Lane<I> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone() }
    }
}

impl<I: Item> Lane<I> {
    /// Starts the task that serves the lane until it is closed.
    pub(super) fn start(batch: impl Batch<Item = I>, counters: Arc<Counters>) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve(batch, receiver, counters));
        Self { requests }
    }

    /// Has it done, and resolves when it is durable.
    pub(super) async fn make(&self, item: I) -> Result<(), SpoolError> {
        let (done, outcome) = oneshot::channel();
        self.requests.send(Request::Do(item, Some(done))).map_err(|_| SpoolError::Closed)?;
        outcome.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Has it done some time, and tells nobody.
    pub(super) fn make_later(&self, item: I) {
        // A lane that is closed takes nothing; what ends with the spool needs nothing more.
        let _ = self.requests.send(Request::Do(item, None));
    }

    /// Resolves when all that was asked before is done.
    pub(super) async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.requests.send(Request::Settle(done)).is_ok() {
            let _ = settled.await;
        }
    }

    /// Whether it takes nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Takes nothing more, and resolves when all that was asked before is done.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.requests.send(Request::Close(done)).is_ok() {
            let _ = closed.await;
        }
    }
}

/// What waits in a lane.
struct Waiting<I> {
    requests: VecDeque<Request<I>>,
    /// Who hears that the lane is closed and empty.
    closing: Vec<oneshot::Sender<()>>,
}

/// What goes into one statement, and who hears of it.
type Load<I> = (Vec<I>, Vec<Option<oneshot::Sender<Result<(), SpoolError>>>>);

async fn serve<B: Batch>(batch: B, mut receiver: mpsc::UnboundedReceiver<Request<B::Item>>, counters: Arc<Counters>) {
    let mut waiting = Waiting { requests: VecDeque::new(), closing: Vec::new() };
    loop {
        if waiting.requests.is_empty() {
            match receiver.recv().await {
                Some(request) => waiting.push(request, &mut receiver),
                None => break,
            }
        }
        waiting.gather(&mut receiver);
        let (items, done) = waiting.take();
        if items.is_empty() {
            continue;
        }
        match batch.run(&items).await {
            Ok(results) => {
                counters.syncs.fetch_add(1, Relaxed);
                counters.changes.fetch_add(results.iter().filter(|result| result.is_ok()).count() as u64, Relaxed);
                for (done, result) in done.into_iter().zip(results) {
                    tell(done, result);
                }
            }
            Err(error) => {
                for done in done {
                    tell(done, Err(share(&error)));
                }
                // Those who came meanwhile have waited as long, and the next try would take as long again.
                waiting.gather(&mut receiver);
                waiting.fail(&error);
            }
        }
    }
    waiting.closing.into_iter().for_each(answer);
}

fn answer(done: oneshot::Sender<()>) {
    // Who does not wait any more wants no answer.
    let _ = done.send(());
}

fn tell(done: Option<oneshot::Sender<Result<(), SpoolError>>>, result: Result<(), SpoolError>) {
    if let Some(done) = done {
        // Who does not wait any more wants no answer.
        let _ = done.send(result);
    }
}

impl<I: Item> Waiting<I> {
    fn push(&mut self, request: Request<I>, receiver: &mut mpsc::UnboundedReceiver<Request<I>>) {
        match request {
            Request::Close(done) => {
                receiver.close();
                self.closing.push(done);
            }
            request => self.requests.push_back(request),
        }
    }

    /// Takes in all that has come.
    fn gather(&mut self, receiver: &mut mpsc::UnboundedReceiver<Request<I>>) {
        while let Ok(request) = receiver.try_recv() {
            self.push(request, receiver);
        }
    }

    /// Takes what goes into the next statement: each message once.
    fn take(&mut self) -> Load<I> {
        let (mut items, mut dones, mut left) = (Vec::new(), Vec::new(), VecDeque::new());
        let (mut ids, mut weight) = (BTreeSet::new(), 0);
        while let Some(request) = self.requests.pop_front() {
            match request {
                Request::Do(item, done) => {
                    let full = items.len() >= MOST || (!items.is_empty() && weight + item.weight() > HEAVIEST);
                    if full {
                        left.push_back(Request::Do(item, done));
                        break;
                    }
                    if !ids.insert(item.id()) {
                        left.push_back(Request::Do(item, done));
                        continue;
                    }
                    weight += item.weight();
                    items.push(item);
                    dones.push(done);
                }
                Request::Settle(done) if items.is_empty() && left.is_empty() => answer(done),
                request => {
                    left.push_back(request);
                    break;
                }
            }
        }
        left.append(&mut self.requests);
        self.requests = left;
        (items, dones)
    }

    fn fail(&mut self, error: &SpoolError) {
        for request in self.requests.drain(..) {
            match request {
                Request::Do(_, done) => tell(done, Err(share(error))),
                Request::Settle(done) | Request::Close(done) => answer(done),
            }
        }
    }
}
