//! What a client says about a message before its content: MAIL FROM and RCPT TO with their parameters.

mod dsn;
mod utf8_address;
pub mod xtext;

use crate::address::{ForwardPath, ReversePath};
pub use dsn::{DsnError, DsnRequest, Notify, OriginalRecipient, Return};

/// An accepted form of `MAIL FROM` (RFC 5321 section 4.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFrom {
    /// Where a report would go.
    pub path: ReversePath,
    /// SIZE (RFC 1870), in bytes; `None` when absent or 0, which both mean that the client does not know.
    pub size: Option<u64>,
    /// BODY (RFC 6152), `None` when absent.
    pub body: Option<BodyType>,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// RET and ENVID (RFC 3461).
    pub dsn: DsnRequest,
}

/// The parameter BODY of MAIL FROM (RFC 6152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`.
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

/// An accepted form of `RCPT TO` (RFC 5321 section 4.1.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptTo {
    /// Who is to have the message.
    pub path: ForwardPath,
    /// NOTIFY (RFC 3461 section 4.1), `None` when absent.
    pub notify: Option<Notify>,
    /// ORCPT (RFC 3461 section 4.2), `None` when absent.
    pub original: Option<OriginalRecipient>,
}

impl MailFrom {
    /// MAIL without a parameter.
    #[must_use]
    pub fn new(path: ReversePath) -> Self {
        Self { path, size: None, body: None, smtputf8: false, dsn: DsnRequest::default() }
    }
}

impl RcptTo {
    /// RCPT without a parameter.
    #[must_use]
    pub fn new(path: ForwardPath) -> Self {
        Self { path, notify: None, original: None }
    }
}
