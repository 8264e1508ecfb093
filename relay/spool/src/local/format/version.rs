//! Which versions are read.
//!
//! Programs are never upgraded in the same instant, and an upgrade may be taken back, so each version is read by the program before and
//! after it. A change that an older program can ignore raises the version; one that it must not ignore raises what a reader must know, too.
//! What can't be read is left where it is, and reported.

/// The version of one kind of thing: what is written and what is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions {
    /// Written, and the newest that is wholly known.
    pub(super) current: u16,
    /// The oldest that a reader of what is written must know.
    pub(super) min_reader: u16,
    /// The oldest that is read.
    pub(super) oldest: u16,
}

impl Versions {
    /// Whether what is of `version` and asks for `min_reader` is read.
    pub(super) fn read(self, version: u16, min_reader: u16) -> bool {
        version >= self.oldest && min_reader <= self.current
    }
}
