//! Why the spool can't do what it was asked.

use std::io;

use crate::MessageId;

/// Why the spool can't do what it was asked. Nothing that it said yes to before is lost by any of them.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is no room, by the quota or on the volume: the sender keeps the mail and tries again (452 4.3.1).
    #[error("the spool is full: {0}")]
    Full(#[source] io::Error),
    /// The storage failed (451 4.3.0). Whether the change was made is known only after the next start, so it must be safe to ask again.
    #[error("the spool's storage failed: {0}")]
    Unavailable(#[source] io::Error),
    /// What was stored is not what is read. The message was set aside and is not in the queue any more.
    #[error("message {id} is corrupt and was set aside: {what}")]
    Corrupt {
        /// The message.
        id: MessageId,
        /// What is wrong with it.
        what: String,
    },
    /// A message with this name is in the queue already: who hands a message over a second time may forget it.
    #[error("message {0} is in the queue already")]
    Exists(MessageId),
    /// No such message: it was finished, removed or set aside.
    #[error("there is no message {0} in the queue")]
    NotFound(MessageId),
    /// The lease has ended, and somebody else may have the message.
    #[error("the lease of message {0} has ended")]
    Fenced(MessageId),
    /// A newer version of this program wrote the message, which is left alone until that runs again.
    #[error("message {0} was written by a newer version of this program, and is left alone")]
    Unreadable(MessageId),
    /// The spool is being closed and takes nothing more.
    #[error("the spool is closed")]
    Closed,
}

/// Why a spool can't be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process uses this spool")]
    InUse,
    /// It was written by a version of this program that is too new or too old for this one.
    #[error(
        "{file} has version {version} of the format, and this program reads versions {oldest} to {newest}: use the program that wrote it"
    )]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u16,
        /// The oldest version that this program reads.
        oldest: u16,
        /// The newest.
        newest: u16,
    },
    /// The database server would lose what it has said to be safe, or is too old.
    #[error("this database server can't hold the spool: {0}")]
    Unfit(String),
    /// The storage failed.
    #[error("the spool's storage failed: {0}")]
    Storage(#[from] io::Error),
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full(error) } else { Self::Unavailable(error) }
    }
}

/// Whether a volume or a quota is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
