//! Dot-stuffing (RFC 5321 section 4.5.2).

use memchr::memmem;

/// Doubles the dot that a line begins with, whatever pieces the content comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DotStuffer {
    /// At the start of a line.
    #[default]
    LineStart,
    /// Behind a CR.
    AfterCr,
    /// In a line.
    InLine,
}

impl DotStuffer {
    /// Appends `piece` to `out`. Lines end in CRLF only, so a dot behind a lone LF is none of ours.
    pub(super) fn stuff(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() + piece.len() / 64 + 8);
        let mut rest = piece;
        if let (Self::AfterCr, [b'\n', tail @ ..]) = (*self, rest) {
            out.push(b'\n');
            *self = Self::LineStart;
            rest = tail;
        }
        if let (Self::LineStart, [b'.', ..]) = (*self, rest) {
            out.push(b'.');
        }
        self.pass(rest);
        let stuffed = memmem::Finder::new(b"\r\n.");
        while let Some(at) = stuffed.find(rest) {
            let (line, next) = rest.split_at(at + 2);
            out.extend_from_slice(line);
            out.push(b'.');
            rest = next;
        }
        out.extend_from_slice(rest);
    }

    /// Ends the last line if it is not ended, then the content.
    pub(super) fn end(self, out: &mut Vec<u8>) {
        let end: &[u8] = if self == Self::LineStart { b".\r\n" } else { b"\r\n.\r\n" };
        out.extend_from_slice(end);
    }

    fn pass(&mut self, bytes: &[u8]) {
        *self = match bytes {
            [] => *self,
            [.., b'\r', b'\n'] => Self::LineStart,
            [.., b'\r'] => Self::AfterCr,
            _ => Self::InLine,
        };
    }
}
