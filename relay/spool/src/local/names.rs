//! How the engine names its files.

use std::fmt::Display;

use crate::MessageId;

const SEGMENT: &str = ".log";
const BODY: &str = ".body";

pub(super) fn segment(number: u32) -> String {
    format!("{number:010}{SEGMENT}")
}

pub(super) fn segment_number(name: &str) -> Option<u32> {
    name.strip_suffix(SEGMENT)?.parse().ok()
}

/// The content of a message that is too large for its record.
pub(super) fn body(id: MessageId) -> String {
    format!("{id}{BODY}")
}

pub(super) fn body_id(name: &str) -> Option<MessageId> {
    name.strip_suffix(BODY)?.parse().ok()
}

/// A part of a segment that is set aside.
pub(super) fn set_aside(segment: u32, offset: impl Display) -> String {
    format!("{segment:010}-{offset}.record")
}
