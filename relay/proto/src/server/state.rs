//! Where a session stands.

use crate::{
    command::ChunkSize,
    content::{ChunkReader, DataReader},
    reply::Reply,
};

/// What the client's next byte means.
#[derive(Debug)]
pub(super) enum Phase {
    /// It belongs to a command line.
    Command(Transaction),
    /// It belongs to a line that is refused already.
    SkipLine(Transaction),
    /// None is read before the driver has answered.
    Asked(Question),
    /// It belongs to a response of the exchange of AUTH.
    AuthResponse,
    /// It belongs to the content of DATA.
    Data { envelope: Envelope, reader: DataReader },
    /// It belongs to a chunk of BDAT, of which `left` has still to come.
    Chunk { envelope: Envelope, reader: ChunkReader, left: ChunkSize },
    /// It belongs to the content of DATA, which is refused: the reply waits for its end. `drained` octets of it were read away.
    DrainData { reader: DataReader, refusal: Reply, drained: u64 },
    /// It belongs to a chunk that is refused: the reply waits for its end.
    DrainChunk { left: u64, refusal: Reply, then: Transaction },
    /// None is read: what comes next is TLS.
    StartTls,
    /// None is read: the session has ended.
    Closed,
}

/// How far a transaction has come, between two commands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transaction {
    /// There is none.
    None,
    /// MAIL or BDAT was refused. What the client has pipelined behind it is refused too, but not counted as bad.
    Failed,
    /// MAIL was accepted.
    Envelope(Envelope),
    /// A BDAT was accepted, and more is to come.
    Chunks(Envelope, ChunkReader),
}

/// What is known of an open transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    /// MAIL had SMTPUTF8.
    pub(super) smtputf8: bool,
    /// Recipients that were accepted.
    pub(super) recipients: u32,
    /// Whether any other recipient was named.
    pub(super) any_refused: bool,
}

/// What the driver was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Auth,
    Mail { smtputf8: bool },
    Rcpt(Envelope),
    Data(Envelope),
    Chunk { envelope: Envelope, reader: ChunkReader, size: ChunkSize },
    Message(Envelope),
}

/// How the client greeted.
#[derive(Debug)]
pub(super) enum Greeting {
    None,
    Helo(Box<str>),
    Ehlo(Box<str>),
}

impl Envelope {
    pub(super) fn new(smtputf8: bool) -> Self {
        Self { smtputf8, recipients: 0, any_refused: false }
    }

    pub(super) fn with_recipient(self) -> Self {
        Self { recipients: self.recipients.saturating_add(1), ..self }
    }

    pub(super) fn with_refusal(self) -> Self {
        Self { any_refused: true, ..self }
    }
}

impl Phase {
    /// The transaction that the driver knows of.
    pub(super) fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::Command(transaction) | Self::SkipLine(transaction) => transaction.envelope(),
            Self::Asked(question) => question.envelope(),
            Self::Data { envelope, .. } | Self::Chunk { envelope, .. } => Some(envelope),
            Self::AuthResponse | Self::DrainData { .. } | Self::StartTls | Self::Closed => None,
            Self::DrainChunk { then, .. } => then.envelope(),
        }
    }
}

impl Transaction {
    fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::None | Self::Failed => None,
            Self::Envelope(envelope) | Self::Chunks(envelope, _) => Some(envelope),
        }
    }
}

impl Question {
    fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::Auth | Self::Mail { .. } => None,
            Self::Rcpt(envelope) | Self::Data(envelope) | Self::Chunk { envelope, .. } | Self::Message(envelope) => Some(envelope),
        }
    }
}
