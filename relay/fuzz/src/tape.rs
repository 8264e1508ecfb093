//! Decisions that the fuzzer makes.

/// A row of decisions; zeros when it has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tape<'a>(&'a [u8]);

impl<'a> Tape<'a> {
    /// Takes the first `length` bytes of `input` for a tape, or all there are.
    pub(crate) fn cut_from(input: &mut &'a [u8], length: u8) -> Self {
        let (tape, rest) = input.split_at(usize::from(length).min(input.len()));
        *input = rest;
        Self(tape)
    }

    /// The next decision.
    pub(crate) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
}

/// The first byte of the input, or zero.
pub(crate) fn byte(input: &mut &[u8]) -> u8 {
    Tape::cut_from(input, 1).next()
}
