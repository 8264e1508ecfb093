//! The bytes of a header field as if it stood on one line (RFC 5322 section 2.2.3).

/// Why there is no next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The field has ended.
    End,
    /// The input has ended first: whether the field goes on is not known yet.
    More,
}

/// Reads a header field without the line ends at which it is folded. A lone LF counts as a line end, so that nothing hides behind it.
#[derive(Clone, Debug)]
pub(super) struct Unfold<'a>(&'a [u8]);

impl<'a> Unfold<'a> {
    pub(super) fn new(field: &'a [u8]) -> Self {
        Self(field)
    }

    /// The next byte, which stays.
    pub(super) fn peek(&mut self) -> Result<u8, Stop> {
        match self.0 {
            [] | [b'\r' | b'\n'] | [b'\r', b'\n'] => Err(Stop::More),
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => {
                if !matches!(rest, [b' ' | b'\t', ..]) {
                    return Err(Stop::End);
                }
                self.0 = rest;
                Ok(rest[0])
            }
            [byte, ..] => Ok(*byte),
        }
    }

    /// The next byte.
    pub(super) fn next(&mut self) -> Result<u8, Stop> {
        let byte = self.peek()?;
        self.0 = &self.0[1..];
        Ok(byte)
    }

    /// Goes to the next byte that is no white space.
    pub(super) fn skip_white_space(&mut self) -> Result<(), Stop> {
        while matches!(self.peek()?, b' ' | b'\t') {
            self.next()?;
        }
        Ok(())
    }
}
