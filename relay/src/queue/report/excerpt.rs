//! How much of a message its report brings back.

use std::borrow::Cow;

use memchr::{memmem, memrchr};

use super::quoted_printable;

/// Most bytes of a message that a report brings back.
pub(in crate::queue) const MAX_EXCERPT: usize = 64 * 1024;

/// What a report brings back of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::queue) enum Excerpt {
    /// All of it, at most [`MAX_EXCERPT`] bytes.
    Message(Vec<u8>),
    /// Its header, or as much of it as there was room for.
    Header(Vec<u8>),
    /// Nothing: it can't be read any more.
    Nothing,
}

/// A part of the report.
pub(super) struct Attached<'a> {
    pub(super) content_type: &'static str,
    pub(super) encoding: &'static str,
    pub(super) bytes: Cow<'a, [u8]>,
}

impl Excerpt {
    /// Of a message that begins with `bytes`, at most [`MAX_EXCERPT`]: all if they are all of it and `is_whole` says so, else its header.
    pub(in crate::queue) fn of(bytes: Vec<u8>, is_whole: bool) -> Self {
        if is_whole { Self::Message(bytes) } else { Self::Header(header(&bytes).to_vec()) }
    }

    /// As a part of a report that holds ASCII alone unless `is_utf8`. What a message may not be encoded in, its header may.
    pub(super) fn attach(&self, is_utf8: bool) -> Option<Attached<'_>> {
        let (bytes, is_whole) = match self {
            Self::Message(bytes) if is_utf8 || bytes.is_ascii() => (&bytes[..], true),
            Self::Message(bytes) => (header(bytes), false),
            Self::Header(bytes) => (&bytes[..], false),
            Self::Nothing => return None,
        };
        let (content_type, encoding, bytes) = match (is_whole, is_utf8) {
            (true, true) => ("message/global", "8bit", Cow::Borrowed(bytes)),
            (true, false) => ("message/rfc822", "7bit", Cow::Borrowed(bytes)),
            (false, true) => ("message/global-headers", "8bit", Cow::Borrowed(bytes)),
            (false, false) if bytes.is_ascii() => ("text/rfc822-headers", "7bit", Cow::Borrowed(bytes)),
            (false, false) => ("text/rfc822-headers", "quoted-printable", Cow::Owned(quoted_printable::encode(bytes))),
        };
        Some(Attached { content_type, encoding, bytes })
    }
}

/// The header of a message that begins with `bytes`, cut at the end of a line when it is not all there.
fn header(bytes: &[u8]) -> &[u8] {
    if bytes.starts_with(b"\r\n") {
        return &[];
    }
    let end = memmem::find(bytes, b"\r\n\r\n").map(|at| at + 2).or_else(|| memrchr(b'\n', bytes).map(|at| at + 1));
    &bytes[..end.unwrap_or(0)]
}
