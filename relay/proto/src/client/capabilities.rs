//! What a server offers in its reply to EHLO (RFC 5321 section 4.1.1.1).

use std::str;

use super::Mechanism;

/// What a server offers, as far as we use it. Nothing is offered until EHLO is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    extensions: u8,
    /// Those of AUTH.
    mechanisms: u8,
    /// SIZE (RFC 1870).
    pub size: SizeLimit,
    /// How many transactions the server takes on one connection (RFC 9422, `LIMITS MAILMAX=`); `None` when it does not say.
    pub mail_max: Option<u32>,
}

/// An extension that is offered or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// PIPELINING (RFC 2920).
    Pipelining,
    /// 8BITMIME (RFC 6152).
    EightBitMime,
    /// SMTPUTF8 (RFC 6531).
    SmtpUtf8,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// DSN (RFC 3461).
    Dsn,
}

/// The extension SIZE (RFC 1870).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SizeLimit {
    /// Not offered: the parameter may not be used.
    #[default]
    NotOffered,
    /// Offered without a limit, or with 0, which says the same.
    Unlimited,
    /// The largest message, in bytes.
    Bytes(u64),
}

impl Capabilities {
    /// Reads the lines of a positive reply. The first one greets; each other one is a keyword with parameters. Unknown ones are left aside.
    pub(super) fn from_ehlo<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut capabilities = Self::default();
        for line in lines.skip(1).filter_map(|line| str::from_utf8(line).ok()) {
            let mut words = line.split_ascii_whitespace();
            if let Some(keyword) = words.next() {
                capabilities.note(keyword, words);
            }
        }
        capabilities
    }

    fn note<'a>(&mut self, keyword: &'a str, mut parameters: impl Iterator<Item = &'a str>) {
        match keyword.to_ascii_uppercase().as_str() {
            "AUTH" => self.note_mechanisms(parameters),
            // As servers wrote it before RFC 2554.
            old if old.starts_with("AUTH=") => self.note_mechanisms(keyword.split('=').skip(1).chain(parameters)),
            "DSN" => self.extensions |= Extension::Dsn.bit(),
            "PIPELINING" => self.extensions |= Extension::Pipelining.bit(),
            "8BITMIME" => self.extensions |= Extension::EightBitMime.bit(),
            "SMTPUTF8" => self.extensions |= Extension::SmtpUtf8.bit(),
            "STARTTLS" => self.extensions |= Extension::StartTls.bit(),
            "SIZE" => self.size = SizeLimit::parse(parameters.next()),
            "LIMITS" => self.mail_max = parameters.find_map(mail_max),
            _ => {}
        }
    }

    fn note_mechanisms<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        self.mechanisms = names.filter_map(Mechanism::parse).fold(self.mechanisms, |bits, mechanism| bits | mechanism.bit());
    }

    /// Whether the server offers AUTH (RFC 4954) with a mechanism.
    #[must_use]
    pub fn offers_mechanism(&self, mechanism: Mechanism) -> bool {
        self.mechanisms & mechanism.bit() != 0
    }

    /// Whether the server offers an extension.
    #[must_use]
    pub fn offers(&self, extension: Extension) -> bool {
        self.extensions & extension.bit() != 0
    }
}

impl Extension {
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl SizeLimit {
    fn parse(parameter: Option<&str>) -> Self {
        match parameter.and_then(|digits| digits.parse().ok()) {
            None | Some(0) => Self::Unlimited,
            Some(bytes) => Self::Bytes(bytes),
        }
    }

    /// Whether a message of `bytes` is larger than the server takes.
    #[must_use]
    pub fn is_exceeded_by(self, bytes: u64) -> bool {
        matches!(self, Self::Bytes(limit) if bytes > limit)
    }
}

/// `MAILMAX=` with 1 to 6 digits (RFC 9422 section 4.1); 0 is no number of transactions that could be meant.
fn mail_max(limit: &str) -> Option<u32> {
    let (name, value) = limit.split_once('=')?;
    name.eq_ignore_ascii_case("MAILMAX").then(|| value.parse().ok())?.filter(|&max| max > 0)
}
