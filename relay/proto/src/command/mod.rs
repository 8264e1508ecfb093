//! The grammar of commands (RFC 5321 section 4.1, with the parameters of the extensions that are offered).

mod bdat;
mod envelope;
mod framing;
mod hello;
mod line;
mod parameters;

pub use bdat::ChunkSize;
pub use envelope::Extensions;
pub use framing::{Framing, MAX_AUTH_LINE, MAX_LINE, next_line, skip_line};
pub use hello::client_name;
pub use line::{CommandLine, Verb};

use crate::path_parser::PathError;

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A CR without LF or an LF without CR: no end of a line (RFC 5321 section 2.3.8).
    #[error("a line ends with CRLF, and has no other CR or LF")]
    LineEnd,
    /// Over [`MAX_LINE`], or [`MAX_AUTH_LINE`] where that holds.
    #[error("the line is too long")]
    TooLong,
    /// A control character, NUL among them.
    #[error("the line has a control character")]
    Control,
    /// Octets over 127 that are not UTF-8, or in a command that takes none.
    #[error("the line has octets that are not ASCII")]
    NotAscii,
    /// A verb that we don't know.
    #[error("the command is unknown")]
    UnknownVerb,
}

/// Why the argument of a known command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// It does not have the form that the command takes.
    #[error("the argument does not fit the command")]
    Form,
    /// The address is wrong.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The address has other characters than ASCII, and MAIL had no SMTPUTF8 (RFC 6531 section 3.5).
    #[error("the address needs SMTPUTF8")]
    NeedsSmtpUtf8,
    /// A parameter that was not offered.
    #[error("the parameter is unknown")]
    UnknownParameter,
    /// A parameter that is malformed, repeated, or has a value that it can't have.
    #[error("the parameter is malformed")]
    Parameter,
}
