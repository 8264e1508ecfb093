//! Holds the content of a message while it is on its way, within the budgets of the pod.
//!
//! A message costs at most [`BLOCK_BYTES`] of memory, whatever its size. Up to that size it lives in one buffer. A longer one goes, block by
//! block, to a file that has no name, on the scratch volume; the same buffer gathers the blocks and later reads them back. Memory and scratch
//! are counted against budgets that all messages of the pod share. When memory runs short, buffers are small and messages go to scratch all
//! but at once; when there is none left, or no room on scratch, the sender keeps the mail (452 4.3.1).
//!
//! A few threads of the store's own do what waits for the disk, in whole blocks, so that a slow volume slows only those whose messages are
//! long. Nothing is synced: a relay that passes mail through has promised nothing for what it holds.

mod budget;
mod buffer;
mod complete;
mod disk;
mod error;
mod held;
mod metrics;
mod scratch;
mod share;
mod store;
mod writer;

pub use buffer::BLOCK_BYTES;
pub use complete::Message;
pub use error::HoldError;
pub use metrics::Metrics;
pub use share::Share;
pub use store::{Budgets, Store};
pub use writer::Writer;
