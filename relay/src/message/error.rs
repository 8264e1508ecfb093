//! Why a message can't be held.

use std::io;

use postern_proto::reply::Reply;

/// Why a message, or its next piece, can't be held. In every case the sender keeps the mail and tries again.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The memory budget has no room for even the smallest buffer.
    #[error("the memory for messages is spent")]
    MemorySpent,
    /// The scratch budget has no room for the next block.
    #[error("the scratch space for messages is spent")]
    ScratchSpent,
    /// The volume is full, although the budget is not.
    #[error("the scratch volume is full")]
    ScratchFull(#[source] io::Error),
    /// The volume can't be written.
    #[error("the scratch volume can't be written")]
    ScratchFailed(#[source] io::Error),
    /// An earlier piece was refused, or its writing was cancelled, so that what is held is not the whole message.
    #[error("a piece of the message is missing")]
    Incomplete,
}

impl HoldError {
    /// What the client hears: 452 4.3.1 when there is no room, 451 4.3.0 when something failed.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::MemorySpent | Self::ScratchSpent | Self::ScratchFull(_) => {
                Reply::new(452, (3, 1), "Insufficient system storage, try again later")
            }
            Self::ScratchFailed(_) | Self::Incomplete => Reply::new(451, (3, 0), "Local error in processing, try again later"),
        }
    }
}

impl HoldError {
    /// Every cause that is counted, as metrics name it.
    pub(super) const CAUSES: [&str; 4] = ["memory_spent", "scratch_spent", "scratch_full", "scratch_failed"];

    /// The cause as metrics name it; none for what only follows from an earlier refusal.
    pub(super) fn cause(&self) -> Option<&'static str> {
        let index = match self {
            Self::MemorySpent => 0,
            Self::ScratchSpent => 1,
            Self::ScratchFull(_) => 2,
            Self::ScratchFailed(_) => 3,
            Self::Incomplete => return None,
        };
        Some(Self::CAUSES[index])
    }
}

impl From<io::Error> for HoldError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::ScratchFull(error),
            _ => Self::ScratchFailed(error),
        }
    }
}

impl From<HoldError> for Reply {
    fn from(error: HoldError) -> Self {
        error.reply()
    }
}
