//! What a session asks of whoever drives it.

use std::fmt;

use super::mechanism::Mechanism;
use crate::{
    address::ReversePath,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};

/// What the driver is to do next.
///
/// A transaction begins for the driver with its positive answer to [`Step::Mail`]. It ends with exactly one of: the answer to
/// [`Step::Message`], a negative answer to [`Step::Content`], a call of `refuse_content`, [`Step::Discard`], or the end of the session.
///
/// It does not show itself: a response may be a password.
#[must_use]
pub enum Step<'a> {
    /// Write all of `output`, then read more into `input`.
    Read,
    /// Write all of `output`, then step again without reading: so many replies wait that a client which never reads must be held up, while
    /// more of its commands are buffered already.
    Flush,
    /// AUTH begins. To be answered with `challenge`, with `authenticated`, or, to refuse it, with `answer`.
    Auth(AuthBegin, Turn),
    /// The client's response to the challenge, decoded. To be answered as [`Step::Auth`] is.
    AuthResponse(Vec<u8>, Turn),
    /// The exchange of AUTH ended without an answer (the client cancelled it, or its response can't be read): forget it.
    AuthCancelled,
    /// May this sender begin a transaction? SIZE is within the limit when it is given.
    Mail(MailFrom, Turn),
    /// May the transaction have this recipient?
    Rcpt(RcptTo, Turn),
    /// DATA or the first BDAT: may the content come? A positive answer is not sent: it becomes the 354 of DATA, or BDAT goes on. A negative
    /// one is sent (after BDAT's chunk has been read away) and ends the transaction.
    Content(Turn),
    /// A piece of the content, never empty, without dot-stuffing. It may still turn out to be invalid or too big.
    Body(&'a [u8]),
    /// The content is complete, ends with CRLF unless it is empty, and has no lone CR or LF. The answer, of whatever kind, is the reply to
    /// the end of data.
    Message(Turn),
    /// The transaction ended without delivery (RSET, EHLO, QUIT, STARTTLS, bad content, too many errors): forget it and what is held of it.
    /// When its content was at fault, with the reply that the client will hear at its end.
    Discard(Option<Reply>),
    /// MAIL came in clear where TLS is required, and was refused with 530: nothing to do but to note the sender.
    NeedsTls(ReversePath),
    /// `220` waits in `output`: write it, then call `into_tls` and do the handshake.
    StartTls,
    /// Write all of `output`, then close the connection. Nothing comes after it.
    Close,
}

/// How the client begins AUTH (RFC 4954 section 4).
#[derive(Clone, PartialEq, Eq)]
pub struct AuthBegin {
    /// The mechanism, which is one of those that are offered.
    pub mechanism: Mechanism,
    /// The initial response, decoded; `None` when the client waits for a challenge.
    pub initial: Option<Vec<u8>>,
}

/// Shows no secret.
impl fmt::Debug for AuthBegin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthBegin").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// The right to answer one question of a session, once. To step on without the answer ends the session with 421.
#[derive(Debug)]
#[must_use = "the session waits for an answer"]
pub struct Turn(pub(super) ());

impl Turn {
    pub(super) const fn new() -> Self {
        Self(())
    }
}

/// What the client is to send next; it decides how long to wait (RFC 5321 section 4.5.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A command.
    Command,
    /// Message content.
    Content,
}
