//! The argument of BDAT (RFC 3030 section 2).

use super::ArgumentError;

/// What BDAT announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSize {
    /// Octets that follow the command's CRLF.
    pub octets: u64,
    /// Whether the message ends with them.
    pub last: bool,
}

impl ChunkSize {
    /// Reads `SIZE [LAST]`. A size that 64 bits don't hold is no size: nobody could read it away.
    pub fn parse(argument: &str) -> Result<Self, ArgumentError> {
        let (size, end) = argument.split_once(' ').unwrap_or((argument, ""));
        let end = end.trim_start_matches(' ');
        if !size.bytes().all(|byte| byte.is_ascii_digit()) || !(end.is_empty() || end.eq_ignore_ascii_case("LAST")) {
            return Err(ArgumentError::Form);
        }
        let octets = size.parse().map_err(|_| ArgumentError::Form)?;
        Ok(Self { octets, last: !end.is_empty() })
    }

    /// Whether a line that can't be read begins as BDAT does. A chunk may stand behind it, and nobody knows of what size.
    #[must_use]
    pub fn may_follow(line: &[u8]) -> bool {
        let Some((verb, rest)) = line.trim_ascii_start().split_at_checked(4) else { return false };
        verb.eq_ignore_ascii_case(b"BDAT") && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
    }

    /// What has still to come when `count` octets came.
    #[must_use]
    pub fn less(self, count: usize) -> Self {
        Self { octets: self.octets.saturating_sub(count as u64), ..self }
    }
}
