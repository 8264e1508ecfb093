//! Follows the line ends of content.

use memchr::memchr2;

/// Where in a line the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// First of a line: nothing came yet, or CRLF.
    LineStart,
    /// Within a line.
    InLine,
    /// Behind a CR, which only LF may follow.
    Cr,
}

/// What some input begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// So many bytes of text with sound line ends; none if there is no input.
    Text(usize),
    /// A CR or LF that stands alone: so many bytes to pass, none when a CR is behind us already.
    Lone(usize),
}

impl Place {
    /// Looks at `input` and moves on. With `stop_at_dots`, text ends before a later line that begins with a dot.
    pub(super) fn run(&mut self, input: &[u8], stop_at_dots: bool) -> Run {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let lone = match (*self, byte) {
                (Self::Cr, b'\n') => {
                    *self = Self::LineStart;
                    at += 1;
                    continue;
                }
                (Self::Cr, _) => 0,
                (_, b'\n') => 1,
                (Self::LineStart, b'.') if stop_at_dots && at > 0 => break,
                _ => {
                    at += self.line(&input[at..]);
                    continue;
                }
            };
            if at > 0 {
                break;
            }
            *self = Self::InLine;
            return Run::Lone(lone);
        }
        Run::Text(at)
    }

    /// Moves behind the line's CR or before its lone LF.
    fn line(&mut self, input: &[u8]) -> usize {
        match memchr2(b'\r', b'\n', input) {
            Some(end) if input[end] == b'\r' => {
                *self = Self::Cr;
                end + 1
            }
            end => {
                *self = Self::InLine;
                end.unwrap_or(input.len())
            }
        }
    }
}
