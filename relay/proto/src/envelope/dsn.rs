//! What the sender wants to hear about its message (RFC 3461). Each type reads and shows itself as SMTP writes it.

use std::{fmt, mem, str::FromStr};

use super::{
    utf8_address::{self, Utf8Address},
    xtext::{self, Xtext},
};
use crate::path_parser::is_atext;

/// Longest ENVID, in characters, as it is written (RFC 3461 section 4.4).
const MAX_ENVELOPE_ID: usize = 100;
/// Longest ORCPT, in characters, as it is written (section 4.2).
const MAX_ORIGINAL: usize = 500;
/// The type of addresses that are not ASCII (RFC 6533).
const UTF8: &str = "utf-8";

/// The parameters of MAIL FROM that are about reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsnRequest {
    /// RET: how much of the message a report brings back (RFC 3461 section 4.3); `None` when absent.
    pub ret: Option<Return>,
    /// ENVID: the sender's own name of the transaction, decoded from xtext (section 4.4): printable ASCII, at most 100 characters in its
    /// encoded form.
    pub envelope_id: Option<String>,
}

/// RET (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// `FULL`: the whole message.
    Full,
    /// `HDRS`: its header.
    Headers,
}

/// NOTIFY of one recipient (RFC 3461 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// `NEVER`: no report at all.
    Never,
    /// Reports on these events; on none of them is the same as [`Notify::Never`].
    On {
        /// `SUCCESS`: when it is delivered.
        success: bool,
        /// `FAILURE`: when it can't be.
        failure: bool,
        /// `DELAY`: when it takes long.
        delay: bool,
    },
}

/// ORCPT: the recipient as the sender first named it (RFC 3461 section 4.2); at most 500 characters in its encoded form, which is ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalRecipient {
    /// The kind of address: `rfc822`, `utf-8` (RFC 6533) or another.
    pub address_type: String,
    /// The address, decoded: printable ASCII, or any printable character in the type `utf-8`.
    pub address: String,
}

/// A value that the parameter can't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of a parameter for reports is malformed or too long")]
pub struct DsnError;

impl DsnRequest {
    /// Reads ENVID: what [`Self::envelope_id`] is to be.
    pub fn parse_envelope_id(text: &str) -> Result<String, DsnError> {
        (1..=MAX_ENVELOPE_ID).contains(&text.len()).then(|| xtext::decode(text)).flatten().ok_or(DsnError)
    }
}

/// In any case.
impl FromStr for Return {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        match text {
            _ if text.eq_ignore_ascii_case("FULL") => Ok(Self::Full),
            _ if text.eq_ignore_ascii_case("HDRS") => Ok(Self::Headers),
            _ => Err(DsnError),
        }
    }
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        })
    }
}

/// `NEVER`, which stands alone, or any of `SUCCESS`, `FAILURE` and `DELAY`, each once; in any case.
impl FromStr for Notify {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        if text.eq_ignore_ascii_case("NEVER") {
            return Ok(Self::Never);
        }
        let (mut success, mut failure, mut delay) = (false, false, false);
        for event in text.split(',') {
            let wanted = match event {
                _ if event.eq_ignore_ascii_case("SUCCESS") => &mut success,
                _ if event.eq_ignore_ascii_case("FAILURE") => &mut failure,
                _ if event.eq_ignore_ascii_case("DELAY") => &mut delay,
                _ => return Err(DsnError),
            };
            if mem::replace(wanted, true) {
                return Err(DsnError);
            }
        }
        Ok(Self::On { success, failure, delay })
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::On { success, failure, delay } = *self else { return f.write_str("NEVER") };
        let events = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
        let mut wanted = events.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name);
        f.write_str(wanted.next().unwrap_or("NEVER"))?;
        wanted.try_for_each(|name| write!(f, ",{name}"))
    }
}

/// `addr-type ";" address`. An address of the type `utf-8` may hold characters that are not ASCII, if the command may.
impl FromStr for OriginalRecipient {
    type Err = DsnError;

    fn from_str(text: &str) -> Result<Self, DsnError> {
        let (address_type, address) = text.split_once(';').ok_or(DsnError)?;
        let is_type = !address_type.is_empty() && address_type.chars().all(|c| c.is_ascii() && is_atext(c));
        if !is_type || address.is_empty() || text.len() > MAX_ORIGINAL {
            return Err(DsnError);
        }
        let is_utf8 = address_type.eq_ignore_ascii_case(UTF8);
        let decoded = if is_utf8 { utf8_address::decode(address) } else { xtext::decode(address) }.ok_or(DsnError)?;
        let original = Self { address_type: address_type.to_owned(), address: decoded };
        // What stood for itself here takes more where it goes on without SMTPUTF8.
        if original.to_string().len() > MAX_ORIGINAL { Err(DsnError) } else { Ok(original) }
    }
}

impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address_type, address } = self;
        if address_type.eq_ignore_ascii_case(UTF8) {
            write!(f, "{address_type};{}", Utf8Address(address))
        } else {
            write!(f, "{address_type};{}", Xtext(address))
        }
    }
}
