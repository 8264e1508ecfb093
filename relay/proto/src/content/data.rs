//! The content that follows DATA (RFC 5321 sections 4.1.1.4 and 4.5.2).

use super::{
    Flaw,
    lines::{Place, Run},
};

/// Reads up to CRLF.CRLF and takes the dot-stuffing away. The CRLF of the DATA line counts as the first of these, so that `.` CRLF at once is
/// an empty message.
#[derive(Clone, Copy, Debug)]
pub struct DataReader {
    state: State,
    /// Bytes that the message may still have.
    left: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Text(Place),
    /// Behind a dot that was the first byte of its line: dropped, whatever follows.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
}

/// What [`DataReader`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Content: so many of the bytes, the last ones of those that are done with; may be none.
    Text(usize),
    /// The content can't be taken. The rest of it must be read all the same, to find its end.
    Flaw(Flaw),
    /// The content is complete.
    End,
}

impl DataReader {
    /// A reader for a message of at most `limit` bytes, dot-stuffing and the closing dot not counted.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { state: State::Text(Place::LineStart), left: limit }
    }

    /// Reads on: gives how many bytes of `input` are done with, and what they are. What follows [`Piece::End`] is no content.
    pub fn read(&mut self, input: &[u8]) -> (usize, Piece) {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match (&mut self.state, byte) {
                (State::Text(Place::LineStart), b'.') => {
                    self.state = State::Dot;
                    at += 1;
                }
                (State::Text(place), _) => match place.run(&input[at..], true) {
                    Run::Text(length) => return (at + length, self.count(length)),
                    Run::Lone(length) => return (at + length, Piece::Flaw(Flaw::LineEnd)),
                },
                (State::Dot, b'\r') => {
                    self.state = State::DotCr;
                    at += 1;
                }
                (State::Dot, _) => self.state = State::Text(Place::InLine),
                (State::DotCr, b'\n') => return (at + 1, Piece::End),
                (State::DotCr, _) => {
                    self.state = State::Text(Place::InLine);
                    return (at, Piece::Flaw(Flaw::LineEnd));
                }
            }
        }
        (at, Piece::Text(0))
    }

    fn count(&mut self, length: usize) -> Piece {
        if let Some(left) = self.left.checked_sub(length as u64) {
            self.left = left;
            Piece::Text(length)
        } else {
            self.left = 0;
            Piece::Flaw(Flaw::TooBig)
        }
    }
}
