//! A session as its driver sees it: two buffers and a question at a time.

use std::sync::Arc;

use super::{
    input::Input,
    output::Output,
    settings::{Settings, TlsOffer},
    step::{Expect, Step, Turn},
};
use crate::reply::Reply;

/// One connection of a client.
///
/// The driver loops: [`step`](Self::step), do what it says, step again.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    tls: TlsOffer,
    input: Input,
    output: Output,
    closed: bool,
}

impl Session {
    /// A session whose 220 banner waits in [`output`](Self::output).
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        let tls = settings.offer.tls;
        let mut output = Output::default();
        output.bytes(&settings.banner);
        Self { settings, tls, input: Input::default(), output, closed: false }
    }

    /// Where the driver appends what it reads: a buffer with spare capacity, about 1 KiB while a command is expected and 32 KiB while
    /// content arrives. Read only into its spare capacity (`read_buf` does so), and only after [`Step::Read`].
    pub fn input(&mut self) -> &mut Vec<u8> {
        self.input.room(self.expects())
    }

    /// What is to be written to the client; at most some 5 KiB beside the text of the driver's own last answer.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        self.output.unsent()
    }

    /// Notes that the first `count` bytes of [`output`](Self::output) are written.
    pub fn sent(&mut self, count: usize) {
        self.output.sent(count);
    }

    /// Goes on until there is something for the driver to do.
    pub fn step(&mut self) -> Step<'_> {
        if self.closed {
            return Step::Close;
        }
        if self.output.is_high() {
            return Step::Flush;
        }
        let unread = self.input.unread().len();
        let place = self.input.take(&(0..unread), unread);
        let _ = self.input.get(place);
        Step::Read
    }

    /// Gives the driver's answer to the question that came with `turn`. An answer with code 421 also ends the session.
    pub fn answer(&mut self, turn: Turn, reply: Reply) {
        let Turn { .. } = turn;
        self.close(&reply);
    }

    /// While content arrives: reads the rest away, then sends this reply in place of asking for delivery. The transaction is over for the
    /// driver. Does nothing at any other time.
    pub fn refuse_content(&mut self, reply: Reply) {
        self.close(&reply);
    }

    /// The session over TLS, after [`Step::StartTls`] and the driver's writing of `output`: all that was buffered and said in clear is
    /// forgotten (RFC 3207 section 4.2). No banner is sent again.
    #[must_use]
    pub fn into_tls(self) -> Self {
        Self { settings: self.settings, tls: TlsOffer::Active, input: Input::default(), output: Output::default(), closed: false }
    }

    /// Queues a reply, which should be a 421, and ends the session (shutdown, time-out, overload). No [`Step::Discard`] comes.
    pub fn close(&mut self, reply: &Reply) {
        self.output.reply(reply);
        self.closed = true;
    }

    /// Whether a transaction is open: MAIL was answered positively and its transaction has not ended.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        false
    }

    /// What the client is to send next.
    #[must_use]
    pub fn expects(&self) -> Expect {
        Expect::Command
    }

    /// What the client said in EHLO or HELO; letters, digits and `.-_:[]`, 1 to 255 octets.
    #[must_use]
    pub fn helo(&self) -> Option<&str> {
        None
    }

    /// The protocol for the `with` clause of Received (RFC 3848, RFC 6531 section 3.7.3).
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self.tls {
            TlsOffer::Active => "ESMTPS",
            TlsOffer::Required | TlsOffer::Optional => "ESMTP",
        }
    }
}
