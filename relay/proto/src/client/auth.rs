//! The exchange of AUTH (RFC 4954 section 4): its framing, not what its mechanisms say.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{CommandError, Mechanism, Session, SessionError, State, To, command};
use crate::reply_parser::RawReply;

impl Session {
    /// Queues AUTH, when the server offers the mechanism and TLS is up; with an initial response, which may be empty, or none. Nothing may
    /// follow it before its reply.
    pub fn auth(&mut self, mechanism: Mechanism, initial: Option<&[u8]>) -> Result<(), CommandError> {
        if !self.over_tls {
            return Err(CommandError::NeedsTls);
        }
        let is_offered = self.capabilities.offers_mechanism(mechanism);
        self.require(self.state == State::Ready && self.awaited.is_empty() && is_offered, To::Auth)?;
        self.queue(To::Auth, |out| command::auth(out, mechanism, initial))?;
        self.state = State::Authenticating;
        Ok(())
    }

    /// Queues the response to a challenge.
    pub fn auth_response(&mut self, response: &[u8]) -> Result<(), CommandError> {
        self.require(self.state == State::Authenticating && self.awaited.is_empty(), To::Auth)?;
        self.queue(To::Auth, |out| command::auth_response(out, response))
    }

    /// Queues `*` in place of a response: the server ends the exchange, with a 501.
    pub fn auth_cancel(&mut self) -> Result<(), CommandError> {
        self.require(self.state == State::Authenticating && self.awaited.is_empty(), To::Auth)?;
        self.queue(To::Auth, |out| command::bare(out, "*"))
    }
}

/// What stands behind 334, decoded (RFC 4954 section 4).
pub(super) fn challenge(raw: &RawReply<'_>) -> Result<Vec<u8>, SessionError> {
    let mut lines = raw.lines();
    match (lines.next(), lines.next()) {
        (Some(line), None) => STANDARD.decode(line).map_err(|_| SessionError::Challenge),
        _ => Err(SessionError::Challenge),
    }
}
