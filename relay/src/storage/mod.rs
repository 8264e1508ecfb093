//! Where the queue lies: opens what the configuration names.

mod engine;
mod open;

pub use engine::{Either, Engine};
pub use open::{Opening, StorageError};
