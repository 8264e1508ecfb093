//! The side of a session that speaks to a next hop (RFC 5321), as a state machine without I/O.
//!
//! Commands are queued and may be pipelined (RFC 2920); replies come back in the order of their commands. What does not fit that order ends
//! the session: a reply that nobody asked for could be taken for the answer to what is asked next.

mod auth;
mod capabilities;
mod command;
mod content;
mod mechanism;

use std::{collections::VecDeque, fmt, mem};

use crate::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
    reply_parser::{Parser, RawReply, ReplyError},
};
pub use capabilities::{Capabilities, Extension, SizeLimit};
use content::DotStuffer;
pub use mechanism::Mechanism;

/// Room that is made for each read: more than a round of replies takes.
const READ_BYTES: usize = 4096;
/// Room that a buffer may keep between transactions.
const KEPT_BYTES: usize = 16 * 1024;

/// A session with a server. It owns what was read and not yet understood, and what is to be written.
pub struct Session {
    state: State,
    /// Whether the handshake is done: nothing secret is said before.
    over_tls: bool,
    /// Commands whose reply has not come, the oldest first.
    awaited: VecDeque<To>,
    parser: Parser,
    capabilities: Capabilities,
    /// Transactions that were begun since EHLO.
    transactions: u32,
    input: Vec<u8>,
    /// How much of `input` is understood.
    taken: usize,
    output: Vec<u8>,
    /// How much of `output` is written.
    sent: usize,
}

/// What may be said next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing: the banner is awaited.
    Connected,
    /// EHLO alone.
    Greeted,
    /// MAIL begins a transaction.
    Ready,
    /// AUTH is not answered, or answered with a challenge.
    Authenticating,
    /// A transaction is open.
    Transaction,
    /// DATA is answered 354: the content.
    Content(DotStuffer),
    /// The content is complete: its reply is awaited.
    Delivering,
    /// STARTTLS is answered 220: the handshake, then [`Session::into_tls`].
    Handshake,
    /// Nothing any more.
    Ended,
}

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// The connection itself: the reply is the banner.
    Connect,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH, or a response in its exchange.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of data.
    EndOfData,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Write what [`Session::output`] holds; if a reply is wanted, read into [`Session::input`].
    Read,
    /// The reply to the oldest command that had none.
    Reply(To, Reply),
    /// The server's challenge in an exchange of AUTH, decoded: go on with [`Session::auth_response`] or [`Session::auth_cancel`].
    Challenge(Vec<u8>),
}

/// Why the session can't go on. The connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// What the server sent is not a reply.
    #[error(transparent)]
    Syntax(#[from] ReplyError),
    /// A reply says to go on where there is nothing to go on with, or is positive in another way than the command has.
    #[error("{code} does not answer {to:?}")]
    Unexpected {
        /// What it should have answered.
        to: To,
        /// The reply's code.
        code: u16,
    },
    /// The challenge is not base64.
    #[error("the server's challenge is not base64")]
    Challenge,
    /// The server said something that was not asked.
    #[error("the server spoke without being asked")]
    Unsolicited,
}

/// Why a command was not queued. The session is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command has no place here.
    #[error("{0:?} has no place here")]
    OutOfSequence(To),
    /// The server said something that was not asked.
    #[error("the server spoke without being asked")]
    Unsolicited,
    /// AUTH in clear would tell the secret to anyone who listens.
    #[error("AUTH needs TLS")]
    NeedsTls,
    /// The address holds a line break or another control byte, and would be more than one argument of one command.
    #[error("the address holds a control byte")]
    ControlByte,
}

impl To {
    /// Whether a positive reply with `code` is one that the command has.
    fn takes(self, code: u16) -> bool {
        match self {
            Self::Data => code == 354,
            Self::Auth => code == 334 || (200..300).contains(&code),
            _ => (200..300).contains(&code),
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A session on a connection that was just made: the server speaks first.
    #[must_use]
    pub fn new() -> Self {
        Self::in_state(State::Connected, VecDeque::from([To::Connect]), false)
    }

    fn in_state(state: State, awaited: VecDeque<To>, over_tls: bool) -> Self {
        Self {
            state,
            over_tls,
            awaited,
            parser: Parser::default(),
            capabilities: Capabilities::default(),
            transactions: 0,
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            sent: 0,
        }
    }

    /// The session on the other side of the TLS handshake. All that the server said in clear is forgotten, and with it what it sent behind
    /// its 220 (RFC 3207 section 4.2): EHLO comes next.
    #[must_use]
    pub fn into_tls(self) -> Self {
        Self::in_state(State::Greeted, VecDeque::new(), true)
    }

    /// Where to append what the server sent. Has room for one read; to be filled up to its capacity at most.
    pub fn input(&mut self) -> &mut Vec<u8> {
        self.input.drain(..mem::take(&mut self.taken));
        self.input.reserve(READ_BYTES);
        &mut self.input
    }

    /// What is to be written.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// Notes that the first `bytes` of [`Session::output`] are written.
    pub fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent >= self.output.len() {
            self.output.clear();
            self.output.shrink_to(KEPT_BYTES);
            self.sent = 0;
        }
    }

    /// What the server offered in its last reply to EHLO.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether the content is written to its end, and not answered: whether the server has taken it is not known.
    #[must_use]
    pub fn is_delivering(&self) -> bool {
        self.state == State::Delivering && self.output().is_empty()
    }

    /// Whether another transaction may begin: everything is answered and read, no transaction is open, and the server takes more of them
    /// (RFC 9422, `MAILMAX`).
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.state == State::Ready
            && self.awaited.is_empty()
            && self.all_is_read()
            && self.output().is_empty()
            && self.capabilities.mail_max.is_none_or(|max| self.transactions < max)
    }

    /// Takes the next reply out of the input. A refusal may come before what it answers is written to its end, as with content that is too
    /// big: then the session is over. An error is final.
    pub fn step(&mut self) -> Result<Event, SessionError> {
        let event = self.next_reply();
        if event.is_err() {
            self.state = State::Ended;
        }
        event
    }

    fn next_reply(&mut self) -> Result<Event, SessionError> {
        let Some(to) = self.answers_next() else {
            return if self.all_is_read() { Ok(Event::Read) } else { Err(SessionError::Unsolicited) };
        };
        let all_is_written = self.output().is_empty();
        let (bytes, reply) = self.parser.take(&self.input[self.taken..])?;
        self.taken += bytes;
        let Some(raw) = reply else { return Ok(Event::Read) };
        let reply = raw.clean();
        let is_early = self.awaited.pop_front().is_none() || !all_is_written;
        if reply.is_positive() && (is_early || !to.takes(reply.code)) {
            return Err(SessionError::Unexpected { to, code: reply.code });
        }
        if to == To::Ehlo {
            self.capabilities = offered(&reply, &raw);
        }
        if to == To::Auth && reply.code == 334 {
            return auth::challenge(&raw).map(Event::Challenge);
        }
        self.state = if is_early { State::Ended } else { after(self.state, to, &reply) };
        Ok(Event::Reply(to, reply))
    }

    /// What the next reply answers: the oldest command, or content that is refused before its end.
    fn answers_next(&self) -> Option<To> {
        let early = matches!(self.state, State::Content(_)).then_some(To::EndOfData);
        self.awaited.front().copied().or(early)
    }

    fn all_is_read(&self) -> bool {
        self.taken == self.input.len()
    }

    /// Queues EHLO with our name.
    pub fn ehlo(&mut self, name: &str) -> Result<(), CommandError> {
        self.require(matches!(self.state, State::Greeted | State::Ready) && self.awaited.is_empty(), To::Ehlo)?;
        self.queue(To::Ehlo, |out| command::ehlo(out, name))
    }

    /// Queues STARTTLS, when it is offered. Nothing may follow it but the handshake.
    pub fn starttls(&mut self) -> Result<(), CommandError> {
        let is_offered = self.capabilities.offers(Extension::StartTls);
        self.require(self.state == State::Ready && self.awaited.is_empty() && is_offered, To::StartTls)?;
        self.queue(To::StartTls, |out| command::bare(out, "STARTTLS"))
    }

    /// Queues MAIL with the parameters that the server knows. SIZE is passed on when it is known. BODY=8BITMIME is said unless the client
    /// said 7BIT: the content is not here yet, and may be 8-bit.
    pub fn mail(&mut self, mail: &MailFrom) -> Result<(), CommandError> {
        self.require(self.state == State::Ready && self.may_follow(), To::Mail)?;
        let capabilities = self.capabilities;
        self.queue(To::Mail, |out| command::mail(out, mail, &capabilities))?;
        self.transactions += 1;
        self.state = State::Transaction;
        Ok(())
    }

    /// Queues RCPT with the parameters that the server knows.
    pub fn rcpt(&mut self, rcpt: &RcptTo) -> Result<(), CommandError> {
        self.require(self.state == State::Transaction && self.may_follow(), To::Rcpt)?;
        let capabilities = self.capabilities;
        self.queue(To::Rcpt, |out| command::rcpt(out, rcpt, &capabilities))
    }

    /// Queues DATA.
    pub fn data(&mut self) -> Result<(), CommandError> {
        self.require(self.state == State::Transaction && self.awaited.is_empty(), To::Data)?;
        self.queue(To::Data, |out| command::bare(out, "DATA"))
    }

    /// Queues a piece of the content, dot-stuffed (RFC 5321 section 4.5.2).
    pub fn content(&mut self, piece: &[u8]) -> Result<(), CommandError> {
        let mut stuffer = self.stuffer()?;
        stuffer.stuff(piece, &mut self.output);
        self.state = State::Content(stuffer);
        Ok(())
    }

    /// Queues the end of data, after a CRLF when the last line of the content has none.
    pub fn end_of_data(&mut self) -> Result<(), CommandError> {
        self.stuffer()?.end(&mut self.output);
        self.awaited.push_back(To::EndOfData);
        self.state = State::Delivering;
        Ok(())
    }

    fn stuffer(&self) -> Result<DotStuffer, CommandError> {
        match self.state {
            State::Content(stuffer) if self.all_is_read() => Ok(stuffer),
            State::Content(_) => Err(CommandError::Unsolicited),
            _ => Err(CommandError::OutOfSequence(To::EndOfData)),
        }
    }

    /// Queues RSET, which ends the transaction.
    pub fn rset(&mut self) -> Result<(), CommandError> {
        self.require(matches!(self.state, State::Ready | State::Transaction) && self.awaited.is_empty(), To::Rset)?;
        self.queue(To::Rset, |out| command::bare(out, "RSET"))
    }

    /// Queues QUIT, which ends the session.
    pub fn quit(&mut self) -> Result<(), CommandError> {
        self.require(matches!(self.state, State::Greeted | State::Ready | State::Transaction) && self.awaited.is_empty(), To::Quit)?;
        self.queue(To::Quit, |out| command::bare(out, "QUIT"))?;
        self.state = State::Ended;
        Ok(())
    }

    /// Refuses a command out of its place, and any command while something is unread that nobody asked for: it would pass for the answer.
    fn require(&self, holds: bool, to: To) -> Result<(), CommandError> {
        if self.awaited.is_empty() && !self.all_is_read() {
            return Err(CommandError::Unsolicited);
        }
        if holds { Ok(()) } else { Err(CommandError::OutOfSequence(to)) }
    }

    /// Whether a command may be sent before the replies to those ahead of it.
    fn may_follow(&self) -> bool {
        self.awaited.is_empty() || self.capabilities.offers(Extension::Pipelining)
    }

    /// Appends one command line; what would be more than one line is taken back.
    fn queue(&mut self, to: To, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), CommandError> {
        let start = self.output.len();
        write(&mut self.output);
        if self.output[start..].iter().any(u8::is_ascii_control) {
            self.output.truncate(start);
            return Err(CommandError::ControlByte);
        }
        self.output.extend_from_slice(b"\r\n");
        self.awaited.push_back(to);
        Ok(())
    }
}

/// Shows no byte: what waits to be written may be a password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state).field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

fn offered(reply: &Reply, raw: &RawReply<'_>) -> Capabilities {
    if reply.is_positive() { Capabilities::from_ehlo(raw.lines()) } else { Capabilities::default() }
}

/// The state that a reply leads to. A server that says 421 closes the connection, whatever it answers (RFC 5321 section 3.8).
fn after(state: State, to: To, reply: &Reply) -> State {
    match (to, reply.is_positive()) {
        (_, _) if state == State::Ended || reply.code == 421 => State::Ended,
        (To::Connect, true) => State::Greeted,
        (To::Ehlo | To::Rset, true) | (To::Mail, false) | (To::Auth | To::EndOfData, _) => State::Ready,
        (To::StartTls, true) => State::Handshake,
        (To::Data, true) => State::Content(DotStuffer::default()),
        (To::Connect | To::Rset, false) | (To::Quit, _) => State::Ended,
        (To::Ehlo | To::StartTls | To::Data, false) | (To::Mail, true) | (To::Rcpt, _) => state,
    }
}
