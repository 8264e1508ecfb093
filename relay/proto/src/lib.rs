//! SMTP without I/O: the grammar, the reader of message content, and the two sides of a session as state machines.
//!
//! Bytes go in, and what is to be done comes out. Nothing here waits, opens a socket or knows a policy, so that the whole protocol can be
//! tested byte by byte and fuzzed.

pub mod address;
pub mod client;
pub mod command;
pub mod content;
pub mod envelope;
pub mod path_parser;
pub mod reply;
pub mod reply_parser;
pub mod server;
