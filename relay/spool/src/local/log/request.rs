//! What the log is asked to do.

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    MessageId, SpoolError,
    local::{
        body_file::BodyFile,
        format::{Format, Header, Kind, Meta},
        index::{Grave, Lease},
    },
};

/// Requests that wait at once. Each has at most one block of content with it, so this bounds their memory.
const MOST_WAITING: usize = 1024;

/// One change of one message.
#[derive(Debug)]
pub(in crate::local) struct Request {
    pub(super) id: MessageId,
    pub(super) change: Change,
    pub(super) done: Done,
}

/// What is to be changed.
#[derive(Debug)]
pub(in crate::local) enum Change {
    /// A new message.
    Add(Addition),
    /// Other statuses, another time, or whether it waits.
    Amend(Amendment),
    /// It leaves the queue; with a lease, only if that is in force.
    Remove(Option<Lease>),
    /// It is corrupt, and leaves the queue for the quarantine.
    SetAside(String),
    /// The record with its newest statuses is corrupt and goes to the quarantine; those before it count again.
    SetAsideState(String),
    /// The record in this segment is needed elsewhere: the segment is to go.
    Move(u32),
    /// This grave of the message is needed elsewhere.
    Rebury(Grave),
}

/// A message as it goes into the log.
#[derive(Debug)]
pub(in crate::local) struct Addition {
    pub(in crate::local) due: i64,
    pub(in crate::local) held: bool,
    pub(in crate::local) body_bytes: u64,
    pub(in crate::local) meta: Meta,
    /// The content, unless it is in a file.
    pub(in crate::local) content: Vec<u8>,
    pub(in crate::local) file: Option<BodyFile>,
}

/// What of a message changes; what is `None` stays.
#[derive(Debug, Default)]
pub(in crate::local) struct Amendment {
    /// Only if this lease is in force.
    pub(in crate::local) lease: Option<Lease>,
    pub(in crate::local) statuses: Option<Vec<u8>>,
    pub(in crate::local) due: Option<i64>,
    pub(in crate::local) held: Option<bool>,
}

/// Hears what became of a request.
#[derive(Debug)]
pub(in crate::local) enum Done {
    /// The one who asked.
    Tell(oneshot::Sender<Result<(), SpoolError>>),
    /// Nobody: the log asked itself.
    Nobody,
}

/// A record that is to be written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) header: Header,
    pub(super) meta: Meta,
    pub(super) content: Vec<u8>,
    /// The file of a new message, which stays if the record does.
    pub(super) file: Option<BodyFile>,
}

/// Where requests are handed in.
#[derive(Clone, Debug)]
pub(in crate::local) struct Requests {
    calls: mpsc::Sender<Call>,
    ended: watch::Receiver<()>,
}

/// What goes to the log.
#[derive(Debug)]
pub(super) enum Call {
    /// Make a change.
    Make(Box<Request>),
    /// Take nothing more, and end when all before is done.
    Close,
}

impl Requests {
    /// The log's ends of the channels: where calls come out, and what it drops when it has ended.
    pub(super) fn channel() -> (Self, mpsc::Receiver<Call>, watch::Sender<()>) {
        let (calls, receiver) = mpsc::channel(MOST_WAITING);
        let (end, ended) = watch::channel(());
        (Self { calls, ended }, receiver, end)
    }

    /// Hands in a change, and resolves when it is durable.
    pub(in crate::local) async fn make(&self, id: MessageId, change: Change) -> Result<(), SpoolError> {
        let (tell, told) = oneshot::channel();
        let request = Request { id, change, done: Done::Tell(tell) };
        self.calls.send(Call::Make(Box::new(request))).await.map_err(|_| SpoolError::Closed)?;
        told.await.map_err(|_| SpoolError::Closed)?
    }

    /// Whether the log takes nothing more.
    pub(in crate::local) fn is_closed(&self) -> bool {
        self.calls.is_closed()
    }

    /// Ends the log, and resolves when it has ended.
    pub(in crate::local) async fn close(&self) {
        // When nobody takes the call, the log has ended or is about to.
        drop(self.calls.send(Call::Close).await);
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

impl Done {
    pub(super) fn tell(self, result: Result<(), SpoolError>) {
        if let Self::Tell(tell) = self {
            // Who does not wait any more need not know.
            drop(tell.send(result));
        }
    }
}

impl Draft {
    /// A record of this kind, whose lengths and checksum are those of what it holds.
    pub(super) fn new(kind: Kind, id: MessageId, meta: Meta, content: Vec<u8>) -> Self {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let header = Header {
            kind,
            format: Format::CURRENT,
            held: false,
            filed: false,
            sequence: 0,
            durable: 0,
            id,
            due: 0,
            body_bytes: content.len() as u64,
            home: 0,
            envelope_len: len(&meta.envelope),
            statuses_len: len(&meta.statuses),
            checksums_len: len(&meta.checksums),
            meta_crc: meta.crc(),
        };
        Self { header, meta, content, file: None }
    }

    /// Says that the message in the segment `home` is in the queue no more.
    pub(super) fn grave(id: MessageId, home: u32) -> Self {
        let mut draft = Self::new(Kind::Gone, id, Meta::default(), Vec::new());
        draft.header.home = home;
        draft
    }

    /// The parts of the record behind its header.
    pub(super) fn parts(&self) -> [&[u8]; 4] {
        [&self.meta.envelope, &self.meta.statuses, &self.meta.checksums, &self.content]
    }
}
