//! Where the queue lies: opens what the configuration names.

mod open;

pub use open::{Opening, StorageError};
use postern_spool::Local;

/// The engine of the relay's queue.
pub type Engine = Local;
