//! Where a command line ends: at CRLF, and nowhere else (RFC 5321 section 2.3.8).

use memchr::{memchr2, memmem};

use super::LineError;

/// Longest command line, in octets with its CRLF: 512 (RFC 5321 section 4.5.3.1.4) and room for any parameters of extensions.
pub const MAX_LINE: usize = 2048;
/// Longest line of an exchange of AUTH, the command's own among them, in octets with its CRLF (RFC 4954 section 4).
pub const MAX_AUTH_LINE: usize = 12_288;

/// What the unread bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing<'a> {
    /// A line that has not ended yet; less than the limit.
    Partial,
    /// A line, here without its CRLF.
    Line(&'a [u8]),
    /// A line that can't be a command. Its first `seen` bytes are judged; the rest, up to CRLF, is for [`skip_line`].
    Broken {
        /// What is wrong.
        error: LineError,
        /// Bytes that the verdict rests on.
        seen: usize,
    },
}

/// Looks for the end of the line that `unread` begins with, which is at most `limit` octets long with its CRLF. The verdict does not depend on
/// how much more than needed is there.
#[must_use]
pub fn next_line(unread: &[u8], limit: usize) -> Framing<'_> {
    let end = memchr2(b'\r', b'\n', unread).unwrap_or(unread.len());
    if end + 2 > limit {
        return Framing::Broken { error: LineError::TooLong, seen: limit - 1 };
    }
    match unread[end..] {
        [] | [b'\r'] => Framing::Partial,
        [b'\r', b'\n', ..] => Framing::Line(&unread[..end]),
        [..] => Framing::Broken { error: LineError::LineEnd, seen: end + 1 },
    }
}

/// How many bytes to skip of a line that is refused already, and whether it ends there.
#[must_use]
pub fn skip_line(unread: &[u8]) -> (usize, bool) {
    match memmem::find(unread, b"\r\n") {
        Some(end) => (end + 2, true),
        None if unread.ends_with(b"\r") => (unread.len() - 1, false),
        None => (unread.len(), false),
    }
}
