//! What stands in the log.

use std::fmt;

/// An address as the log may show it.
pub struct Shown<'a, T>(pub &'a T);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}
