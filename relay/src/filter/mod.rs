//! What is taken out of messages, or refused, on their way through, and what is put before them.

mod authserv;
mod completion;
mod field;
mod header;
mod trace;
mod unfold;

pub use completion::Completion;
pub use header::{HeaderError, HeaderFirewall, MAX_HEADER_BYTES, MAX_RECEIVED_FIELDS};
pub use trace::{TlsFacts, Trace};
