//! What a client says about a message before its content: MAIL FROM and RCPT TO with their parameters.

use crate::address::{ForwardPath, ReversePath};

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
}

/// The parameter BODY of MAIL FROM (RFC 6152).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// `7BIT`.
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

/// An accepted form of `RCPT TO` (RFC 5321 section 4.1.1.3). No parameter is offered, so none is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RcptTo {
    /// Who is to have the message.
    pub path: ForwardPath,
}
