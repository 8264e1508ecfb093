//! The durable spool: a queue of messages that outlives crashes.
//!
//! [`Spool`] is what its users see; [`Local`] is the engine that keeps the queue in a directory, [`Postgres`] the one that keeps it in a database.
//! Nothing here knows SMTP sessions, DNS or policy:
//! a message is an [`Entry`] and its content.
//!
//! The README of the crate says what is promised, and how the log looks on the disk.

pub mod directory;
mod encoding;
mod error;
mod filter;
mod local;
mod model;
pub mod postgres;
mod spool;
mod statistics;
mod time;

pub use encoding::BLOCK_BYTES;
pub use error::{OpenError, SpoolError};
pub use filter::{Filter, Page};
pub use local::{Local, LocalBody, LocalClaim, LocalWriter, Recovery, SetAside, Settings};
pub use model::{
    DsnRequest, Entry, Envelope, Failure, Listed, MAX_FAILURE_TEXT, MessageId, Notify, Origin, OriginalRecipient, Recipient, Relayed,
    Retry, Return, Status,
};
pub use postgres::Postgres;
pub use spool::{Body, Claim, Reach, Spool, Writer};
pub use statistics::Statistics;
