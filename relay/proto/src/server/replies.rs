//! Every reply that a session gives on its own account.

use std::borrow::Cow;

use super::{mechanism::Mechanisms, settings::Offer};
use crate::{
    command::{ArgumentError, LineError, Verb},
    content::Flaw,
    path_parser::PathError,
    reply::{EnhancedCode, Reply},
};

pub(super) const OK: Reply = reply(250, 0, 0, "OK");
pub(super) const GOODBYE: Reply = reply(221, 0, 0, "Goodbye");
pub(super) const HELP: Reply = reply(214, 0, 0, "This is an SMTP relay, see RFC 5321");
pub(super) const START_TLS: Reply = reply(220, 0, 0, "Go ahead with TLS");
pub(super) const CANNOT_VERIFY: Reply = reply(252, 0, 0, "Cannot verify the address, but will try to deliver");
pub(super) const CHUNK_TAKEN: Reply = reply(250, 0, 0, "Chunk taken");
/// RFC 2034 section 4: no enhanced code.
pub(super) const START_INPUT: Reply = Reply { code: 354, enhanced: None, text: Cow::Borrowed("Go ahead, end with <CRLF>.<CRLF>") };

pub(super) const TOO_MANY_BAD_COMMANDS: Reply = reply(421, 7, 0, "Too many bad commands, closing");
pub(super) const TOO_MANY_COMMANDS: Reply = reply(421, 7, 0, "Too many commands without a recipient, closing");
pub(super) const TOO_MANY_REFUSED: Reply = reply(421, 7, 0, "Too many refused recipients, closing");
pub(super) const TOO_MANY_AUTHENTICATIONS: Reply = reply(421, 7, 0, "Too many failed authentications, closing");
pub(super) const UNANSWERED: Reply = reply(421, 3, 0, "Internal error, closing");
pub(super) const TOO_MANY_RECIPIENTS: Reply = reply(452, 5, 3, "Too many recipients, send the rest in another transaction");

/// RFC 4954 section 6.
pub(super) const AUTH_LINE_TOO_LONG: Reply = reply(500, 5, 6, "The line is too long for AUTH");
pub(super) const AUTH_CANCELLED: Reply = reply(501, 7, 0, "Authentication cancelled");
pub(super) const BAD_BASE64: Reply = reply(501, 5, 2, "The response is not base64");
pub(super) const UNKNOWN_MECHANISM: Reply = reply(504, 5, 4, "The mechanism is not offered");
pub(super) const NOT_IMPLEMENTED: Reply = reply(502, 5, 1, "Command not implemented");
pub(super) const NEEDS_HELLO: Reply = reply(503, 5, 1, "Send EHLO first");
pub(super) const NEEDS_EHLO: Reply = reply(503, 5, 1, "BDAT needs EHLO");
pub(super) const AUTH_NEEDS_EHLO: Reply = reply(503, 5, 1, "AUTH needs EHLO");
pub(super) const NEEDS_MAIL: Reply = reply(503, 5, 1, "Send MAIL first");
pub(super) const NEEDS_RCPT: Reply = reply(503, 5, 1, "Send RCPT first");
pub(super) const MAIL_TWICE: Reply = reply(503, 5, 1, "A transaction is open already");
pub(super) const CHUNKS_BEGAN: Reply = reply(503, 5, 1, "The content has begun, only BDAT may follow");
pub(super) const TLS_IS_UP: Reply = reply(503, 5, 1, "TLS is up already");
pub(super) const AUTHENTICATED_ALREADY: Reply = reply(503, 5, 1, "Authenticated already");
pub(super) const NEEDS_AUTH: Reply = reply(530, 7, 0, "Authentication required");
pub(super) const NEEDS_TLS: Reply = reply(530, 7, 0, "Send STARTTLS first");
pub(super) const TOO_BIG: Reply = reply(552, 3, 4, "The message is too big");
pub(super) const NO_VALID_RECIPIENT: Reply = reply(554, 5, 1, "No valid recipient");

const fn reply(code: u16, subject: u16, detail: u16, text: &'static str) -> Reply {
    let class = match code {
        200..400 => 2,
        400..500 => 4,
        _ => 5,
    };
    Reply { code, enhanced: Some(EnhancedCode { class, subject, detail }), text: Cow::Borrowed(text) }
}

pub(super) fn banner(offer: &Offer) -> Reply {
    Reply::bare(220, format!("{} ESMTP Postern", offer.hostname))
}

pub(super) fn helo(offer: &Offer) -> Reply {
    Reply::bare(250, offer.hostname.clone())
}

/// The extensions, each on its line (RFC 5321 section 4.1.1.1).
pub(super) fn ehlo(offer: &Offer, starttls: bool, mechanisms: Mechanisms) -> Reply {
    let Offer { hostname, max_message_bytes, max_recipients, .. } = offer;
    let starttls = if starttls { "\nSTARTTLS" } else { "" };
    let dsn = if offer.dsn { "\nDSN" } else { "" };
    let auth = if mechanisms.is_empty() { String::new() } else { format!("\nAUTH {mechanisms}") };
    let one_domain = if offer.one_next_hop_per_transaction { " RCPTDOMAINMAX=1" } else { "" };
    Reply::bare(
        250,
        format!(
            "{hostname}\nPIPELINING\nSIZE {max_message_bytes}\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING{dsn}{starttls}{auth}\n\
             LIMITS RCPTMAX={max_recipients}{one_domain}"
        ),
    )
}

pub(super) fn line(error: LineError) -> Reply {
    match error {
        LineError::LineEnd => reply(500, 5, 2, "A line ends with CRLF, and has no other CR or LF"),
        LineError::TooLong => reply(500, 5, 2, "The line is too long"),
        LineError::Control => reply(500, 5, 2, "The line has a control character"),
        LineError::NotAscii => reply(500, 5, 2, "The line has octets that are not ASCII"),
        LineError::UnknownVerb => reply(500, 5, 1, "The command is unknown"),
    }
}

/// The form of a command whose argument does not fit.
pub(super) fn usage(verb: Verb) -> Reply {
    let form = match verb {
        Verb::Ehlo => "Syntax: EHLO your.host.name",
        Verb::Helo => "Syntax: HELO your.host.name",
        Verb::Mail => "Syntax: MAIL FROM:<address>",
        Verb::Rcpt => "Syntax: RCPT TO:<address>",
        Verb::Bdat => "Syntax: BDAT size [LAST]; closing, since nobody can tell where the chunk ends",
        Verb::Vrfy => "Syntax: VRFY text",
        Verb::Expn => "Syntax: EXPN text",
        Verb::Auth => "Syntax: AUTH mechanism [initial-response]",
        Verb::Data | Verb::Rset | Verb::Help | Verb::Noop | Verb::Quit | Verb::StartTls => "The command takes no argument",
    };
    reply(501, 5, 4, form)
}

pub(super) fn argument(verb: Verb, error: ArgumentError) -> Reply {
    match (error, verb) {
        (ArgumentError::Form, _) => usage(verb),
        (ArgumentError::Path(error @ PathError::NoBrackets), _) => reply(501, 5, 2, path(error)),
        (ArgumentError::Path(error), Verb::Mail) => reply(501, 1, 7, path(error)),
        (ArgumentError::Path(error), _) => reply(501, 1, 3, path(error)),
        (ArgumentError::NeedsSmtpUtf8, Verb::Mail) => reply(550, 6, 7, "The address needs SMTPUTF8"),
        (ArgumentError::NeedsSmtpUtf8, _) => reply(553, 6, 7, "The address needs SMTPUTF8 in MAIL"),
        (ArgumentError::UnknownParameter, _) => reply(555, 5, 4, "The parameter is unknown"),
        (ArgumentError::Parameter, _) => reply(501, 5, 4, "A parameter is malformed, repeated or has a wrong value"),
    }
}

const fn path(error: PathError) -> &'static str {
    match error {
        PathError::NoBrackets => "The address needs angle brackets",
        PathError::Unclosed => "The address does not end with > after its domain",
        PathError::Route => "The source route is malformed",
        PathError::LocalPart => "The local part of the address is malformed",
        PathError::NoDomain => "The address has no domain",
        PathError::Domain => "The domain of the address is malformed",
        PathError::TooLong => "The address is too long",
    }
}

pub(super) fn flaw(flaw: Flaw) -> Reply {
    match flaw {
        Flaw::LineEnd => reply(554, 6, 0, "The message has a CR or LF that does not belong to a CRLF"),
        Flaw::TooBig => TOO_BIG,
    }
}
