//! The exchange of AUTH (RFC 4954 section 4): its framing, not what its mechanisms say.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    commands::NextStep,
    input::Input,
    machine::{Machine, Notice},
    mechanism::Mechanism,
    patience::Try,
    replies,
    settings::{AuthOffer, TlsOffer},
    state::{Greeting, Phase, Question, Transaction},
    step::{AuthBegin, Step},
};
use crate::{
    command::{Framing, LineError, MAX_AUTH_LINE, MAX_LINE, Verb, next_line},
    reply::Reply,
};

/// How AUTH begins, in any case.
const COMMAND: &[u8] = b"AUTH ";

/// Whether a line, or the beginning of one, is an AUTH with an argument.
pub(super) fn is_auth(line: &[u8]) -> bool {
    line.get(..COMMAND.len()).is_some_and(|verb| verb.eq_ignore_ascii_case(COMMAND))
}

impl Machine {
    /// Whether AUTH is in the reply to EHLO: over TLS, where the driver has set mechanisms.
    pub(super) fn offers_auth(&self) -> bool {
        self.tls == TlsOffer::Active && self.settings.offer.auth == AuthOffer::Required && !self.mechanisms.is_empty()
    }

    /// Whether MAIL has to wait for AUTH.
    pub(super) fn needs_auth(&self) -> bool {
        self.settings.offer.auth == AuthOffer::Required && !self.authenticated
    }

    /// How long the line that `unread` begins with may be.
    pub(super) fn line_limit(&self, unread: &[u8]) -> usize {
        if self.offers_auth() && is_auth(unread) { MAX_AUTH_LINE } else { MAX_LINE }
    }

    /// AUTH where it is offered. A transaction is open only after it, so that AUTH within one is refused too.
    pub(super) fn auth(&mut self, argument: &str) -> NextStep {
        match self.greeting {
            _ if self.authenticated => return self.refused(&replies::AUTHENTICATED_ALREADY),
            Greeting::None | Greeting::Helo(_) => return self.refused(&replies::AUTH_NEEDS_EHLO),
            Greeting::Ehlo(_) => {}
        }
        if argument.is_empty() {
            return self.refused(&replies::usage(Verb::Auth));
        }
        let (name, initial) = argument.split_once(' ').map_or((argument, None), |(name, initial)| (name, Some(initial.trim_start())));
        let Some(mechanism) = Mechanism::parse(name).filter(|mechanism| self.mechanisms.contains(*mechanism)) else {
            return self.refused(&replies::UNKNOWN_MECHANISM);
        };
        let Ok(initial) = initial.map(initial_response).transpose() else { return self.refused(&replies::BAD_BASE64) };
        if !self.patience.allows(Try::Authentication) {
            self.end(&replies::TOO_MANY_AUTHENTICATIONS);
            return None;
        }
        Some(Step::Auth(AuthBegin { mechanism, initial }, self.ask(Question::Auth)))
    }

    /// One response of the client. What it pipelined behind AUTH counts as such: nothing may be (RFC 4954 section 4).
    pub(super) fn auth_response(&mut self, input: &mut Input) -> NextStep {
        self.phase = Phase::AuthResponse;
        if self.output.is_high() {
            return Some(Step::Flush);
        }
        let (length, step) = match next_line(input.unread(), MAX_AUTH_LINE) {
            Framing::Partial => (0, Some(Step::Read)),
            Framing::Line(b"*") => (1 + 2, self.break_off(&replies::AUTH_CANCELLED, Phase::Command(Transaction::None))),
            Framing::Line(line) => (line.len() + 2, self.response(line)),
            Framing::Broken { error, seen } => {
                let reply = if error == LineError::TooLong { replies::AUTH_LINE_TOO_LONG } else { replies::line(error) };
                (seen, self.break_off(&reply, Phase::SkipLine(Transaction::None)))
            }
        };
        input.take(length);
        step
    }

    fn response(&mut self, line: &[u8]) -> NextStep {
        match STANDARD.decode(line) {
            Ok(response) => Some(Step::AuthResponse(response, self.ask(Question::Auth))),
            Err(_) => self.break_off(&replies::BAD_BASE64, Phase::Command(Transaction::None)),
        }
    }

    /// Ends the exchange without the driver.
    fn break_off(&mut self, reply: &Reply, then: Phase) -> NextStep {
        self.phase = then;
        self.notice = Some(Notice::AuthCancelled);
        self.done(reply)
    }

    pub(super) fn challenge(&mut self, challenge: &[u8]) {
        if let Phase::Asked(Question::Auth) = self.phase {
            self.say(&Reply::bare(334, STANDARD.encode(challenge)));
            self.phase = Phase::AuthResponse;
        }
    }

    pub(super) fn authenticate(&mut self, reply: Reply) {
        if let Phase::Asked(Question::Auth) = self.phase {
            self.authenticated = reply.is_positive();
            self.answer(reply);
        }
    }
}

/// `=` stands for a response that is empty (RFC 4954 section 4).
fn initial_response(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    if text == "=" { Ok(Vec::new()) } else { STANDARD.decode(text) }
}
