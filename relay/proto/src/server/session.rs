//! A session as its driver sees it: two buffers, and one question at a time.

use std::sync::Arc;

use super::{
    input::Input,
    machine::{Machine, Next},
    mechanism::Mechanisms,
    settings::{Settings, TlsOffer},
    state::{Greeting, Phase},
    step::{Expect, Step, Turn},
};
use crate::reply::Reply;

/// One connection of a client.
///
/// The driver loops: [`step`](Self::step), do what it says, step again.
#[derive(Debug)]
pub struct Session {
    input: Input,
    machine: Machine,
}

impl Session {
    /// A session whose 220 banner waits in [`output`](Self::output).
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let tls = settings.offer.tls;
        let mut machine = Machine::new(settings, tls);
        machine.greet();
        Self { input: Input::default(), machine }
    }

    /// Where the driver appends what it reads: a buffer with spare capacity, about 1 KiB while a command is expected and 32 KiB while
    /// content arrives. Read only into its spare capacity (`read_buf` does so), and only after [`Step::Read`].
    pub fn input(&mut self) -> &mut Vec<u8> {
        self.input.room(self.expects())
    }

    /// What is to be written to the client; at most some 5 KiB beside the text of the driver's own last answer.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.machine.output.unsent()
    }

    /// Notes that the first `count` bytes of [`output`](Self::output) are written.
    pub fn sent(&mut self, count: usize) {
        self.machine.output.sent(count);
    }

    /// Goes on until there is something for the driver to do.
    pub fn step(&mut self) -> Step<'_> {
        match self.machine.next(&mut self.input) {
            Next::Step(step) => step,
            Next::Body(place) => Step::Body(self.input.get(place)),
        }
    }

    /// Gives the driver's answer to the question that came with `turn`. An answer with code 421 also ends the session.
    pub fn answer(&mut self, Turn(()): Turn, reply: Reply) {
        self.machine.answer(reply);
    }

    /// Sets what AUTH offers from the next EHLO on: what this client may use, once TLS is up. Without it AUTH is not offered, nor is it where
    /// nobody is to authenticate.
    pub fn offer_mechanisms(&mut self, mechanisms: Mechanisms) {
        self.machine.mechanisms = mechanisms;
    }

    /// Goes on with the exchange of AUTH: 334 with the challenge, encoded.
    pub fn challenge(&mut self, Turn(()): Turn, challenge: &[u8]) {
        self.machine.challenge(challenge);
    }

    /// Ends the exchange of AUTH: the client is who it says it is, until the session ends. The reply should be a 235.
    pub fn authenticated(&mut self, Turn(()): Turn, reply: Reply) {
        self.machine.authenticate(reply);
    }

    /// Whether AUTH succeeded.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        self.machine.authenticated
    }

    /// While content arrives: reads the rest away, then sends this reply in place of asking for delivery. The transaction is over for the
    /// driver. Does nothing at any other time.
    pub fn refuse_content(&mut self, reply: Reply) {
        self.machine.refuse_content(reply);
    }

    /// The session over TLS, after [`Step::StartTls`] and the driver's writing of `output`: all that was buffered and said in clear is
    /// forgotten (RFC 3207 section 4.2). No banner is sent again.
    #[must_use]
    pub fn into_tls(self) -> Self {
        Self { input: Input::default(), machine: Machine::new(self.machine.settings, TlsOffer::Active) }
    }

    /// Queues a reply, which should be a 421, and ends the session (shutdown, time-out, overload). No [`Step::Discard`] comes.
    pub fn close(&mut self, reply: &Reply) {
        self.machine.close(reply);
    }

    /// Whether a transaction is open: MAIL was answered positively and its transaction has not ended.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.machine.in_transaction()
    }

    /// What the client is to send next.
    #[must_use]
    pub fn expects(&self) -> Expect {
        match self.machine.phase {
            Phase::Data { .. } | Phase::Chunk { .. } | Phase::DrainData { .. } | Phase::DrainChunk { .. } => Expect::Content,
            Phase::Command(_) | Phase::SkipLine(_) | Phase::Asked(_) | Phase::AuthResponse | Phase::StartTls | Phase::Closed => {
                Expect::Command
            }
        }
    }

    /// What the client said in EHLO or HELO; letters, digits and `.-_:[]`, 1 to 255 octets.
    #[must_use]
    pub fn helo(&self) -> Option<&str> {
        match &self.machine.greeting {
            Greeting::None => None,
            Greeting::Helo(name) | Greeting::Ehlo(name) => Some(name),
        }
    }

    /// The protocol for the `with` clause of Received (RFC 3848, RFC 6531 section 3.7.3).
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        let smtputf8 = self.machine.phase.envelope().is_some_and(|envelope| envelope.smtputf8);
        match (&self.machine.greeting, self.machine.tls, smtputf8) {
            (Greeting::None | Greeting::Helo(_), _, _) => "SMTP",
            (Greeting::Ehlo(_), TlsOffer::Active, false) if self.machine.authenticated => "ESMTPSA",
            (Greeting::Ehlo(_), TlsOffer::Active, true) if self.machine.authenticated => "UTF8SMTPSA",
            (Greeting::Ehlo(_), TlsOffer::Active, false) => "ESMTPS",
            (Greeting::Ehlo(_), TlsOffer::Active, true) => "UTF8SMTPS",
            (Greeting::Ehlo(_), TlsOffer::Required | TlsOffer::Optional, false) => "ESMTP",
            (Greeting::Ehlo(_), TlsOffer::Required | TlsOffer::Optional, true) => "UTF8SMTP",
        }
    }
}
