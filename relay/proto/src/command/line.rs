//! A command line, parted into its verb and its argument.

use super::LineError;

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// EHLO (RFC 5321 section 4.1.1.1).
    Ehlo,
    /// HELO (section 4.1.1.1).
    Helo,
    /// MAIL (section 4.1.1.2).
    Mail,
    /// RCPT (section 4.1.1.3).
    Rcpt,
    /// DATA (section 4.1.1.4).
    Data,
    /// BDAT (RFC 3030 section 2).
    Bdat,
    /// RSET (RFC 5321 section 4.1.1.5).
    Rset,
    /// VRFY (section 4.1.1.6).
    Vrfy,
    /// EXPN (section 4.1.1.7).
    Expn,
    /// HELP (section 4.1.1.8).
    Help,
    /// NOOP (section 4.1.1.9).
    Noop,
    /// QUIT (section 4.1.1.10).
    Quit,
    /// STARTTLS (RFC 3207 section 4).
    StartTls,
    /// AUTH (RFC 4954 section 4).
    Auth,
}

const VERBS: [(&str, Verb); 14] = [
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("BDAT", Verb::Bdat),
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("STARTTLS", Verb::StartTls),
    ("QUIT", Verb::Quit),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("VRFY", Verb::Vrfy),
    ("EXPN", Verb::Expn),
    ("HELP", Verb::Help),
    ("AUTH", Verb::Auth),
];

/// A line whose verb is known and whose argument is printable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandLine<'a> {
    /// What is asked for.
    pub verb: Verb,
    /// What follows the verb, without spaces at either end. No control characters; other characters than ASCII only for MAIL and RCPT.
    pub argument: &'a str,
}

impl<'a> CommandLine<'a> {
    /// Reads a line, given without its CRLF. Spaces at its end are tolerated (RFC 5321 section 4.1.1).
    pub fn parse(line: &'a [u8]) -> Result<Self, LineError> {
        let line = str::from_utf8(line).map_err(|_| LineError::NotAscii)?;
        if line.chars().any(char::is_control) {
            return Err(LineError::Control);
        }
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let verb = Verb::parse(verb).ok_or(LineError::UnknownVerb)?;
        if !argument.is_ascii() && !matches!(verb, Verb::Mail | Verb::Rcpt) {
            return Err(LineError::NotAscii);
        }
        Ok(Self { verb, argument: argument.trim_matches(' ') })
    }
}

impl Verb {
    fn parse(text: &str) -> Option<Self> {
        VERBS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, verb)| *verb)
    }
}
