//! The content of a message as it comes from a client, with DATA or BDAT.
//!
//! Both readers take what the socket gave, wherever that is cut, and give the content back in pieces of the same memory. They only check
//! line ends: the one thing on which two servers must not differ, lest mail be smuggled between them.

mod chunks;
mod data;
mod lines;

pub use chunks::{ChunkReader, Ending};
pub use data::{DataReader, Piece};

/// Why content can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A CR without LF or an LF without CR (RFC 5321 section 2.3.8).
    #[error("a line ends with CRLF, and has no other CR or LF")]
    LineEnd,
    /// More bytes than the limit.
    #[error("the message is too big")]
    TooBig,
}
