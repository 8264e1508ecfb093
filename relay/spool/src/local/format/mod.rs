//! The bytes of the log: segments, each with a header, records and, when it is complete, a footer. The README of the crate draws them.
//!
//! Numbers are little-endian. Every byte is under a checksum (CRC-32C).

mod cursor;
mod footer;
mod payload;
mod record;
mod segment;
mod version;

pub(super) use footer::{TRAILER_BYTES, Trailer, footer_bytes, footer_entry};
pub(super) use payload::Meta;
pub(super) use record::{Format, HEADER_BYTES, Header, Kind};
pub(super) use segment::{FIRST_RECORD, MAX_VOIDS, Prologue, PrologueError, Void};
