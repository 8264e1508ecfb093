//! xtext (RFC 3461 section 4): how text is written in a parameter of MAIL or RCPT.

use std::fmt;

/// Text that shows itself as xtext. Whatever it holds, what is shown is printable ASCII without a space, `=` or a lone `+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xtext<'a>(
    /// The text, decoded.
    pub &'a str,
);

/// Reads xtext. `None` for what is no xtext, or stands for more than printable ASCII: a report could not say it (sections 4.2 and 4.4).
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'+' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            b'=' | b' ' => return None,
            other => other,
        };
        decoded.push(matches!(byte, b' '..=b'~').then_some(char::from(byte))?);
    }
    Some(decoded)
}

/// Only upper case: `hexchar` has no other.
fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

impl fmt::Display for Xtext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'+' | b'=' => write!(f, "+{byte:02X}"),
            b'!'..=b'~' => write!(f, "{}", char::from(byte)),
            _ => write!(f, "+{byte:02X}"),
        })
    }
}
