//! Moves the bytes of one connection and waits for them, and carries the protocol's questions to those who answer.

use std::{fmt, io, mem, sync::Arc};

use jiff::Timestamp;

use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
    server::{Expect, Session, Step},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    Service,
    content::{Content, ContentError},
    envelope::Envelope,
    journal::Journal,
    stall::Stall,
};
use crate::{
    delivery::Deliver,
    filter::{TlsFacts, Trace},
    listen::Connection,
    tls::Facts,
};

/// A session on its stream.
pub(super) struct Conversation<'a, IO, D: Deliver> {
    io: IO,
    session: Session,
    current: Current<D>,
    service: &'a Service<D>,
    connection: &'a Connection,
    journal: Journal<'a>,
    tls: Option<&'a Facts>,
    stall: Stall,
}

/// The transaction that is open.
enum Current<D: Deliver> {
    None,
    Envelope(Envelope<D>),
    Content(Content<D>),
}

/// How a stretch of a session ended.
pub(super) enum Ended<IO> {
    /// The client is to begin TLS now.
    StartTls(IO, Box<Session>),
    /// The connection is done.
    Done(Reason),
}

/// Why a connection is done.
#[derive(Debug)]
pub(super) enum Reason {
    /// The session said its last word: QUIT, or a reply 421.
    Said,
    /// The client went away.
    Gone,
    /// The client did not read what it was sent.
    Stalled,
    /// The connection failed, or the handshake did.
    Failed(String),
}

impl<'a, IO, D> Conversation<'a, IO, D>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    D: Deliver,
{
    pub(super) fn new(io: IO, session: Session, service: &'a Service<D>, connection: &'a Connection, tls: Option<&'a Facts>) -> Self {
        let stall = Stall::new(&connection.snapshot.configuration.root.timeouts, Instant::now());
        let journal = Journal::new(connection, &service.metrics);
        Self { io, session, current: Current::None, service, connection, journal, tls, stall }
    }

    /// Carries the session to its end, or to the handshake.
    pub(super) async fn run(mut self) -> Ended<IO> {
        let reason = loop {
            match self.session.step() {
                Step::Read => {
                    if let Err(reason) = self.exchange().await {
                        break reason;
                    }
                }
                Step::Flush => {
                    if let Err(reason) = self.flush().await {
                        break reason;
                    }
                }
                Step::Mail(mail, turn) => {
                    let reply = self.mail(mail);
                    self.session.answer(turn, reply);
                }
                Step::Rcpt(rcpt, turn) => {
                    let reply = Box::pin(self.rcpt(rcpt)).await;
                    self.session.answer(turn, reply);
                }
                Step::Content(turn) => {
                    let reply = self.content().await;
                    self.session.answer(turn, reply);
                }
                Step::Body(piece) => {
                    if let Current::Content(content) = &mut self.current
                        && let Err(error) = content.hold(piece).await
                    {
                        self.refuse_content(&error);
                    }
                }
                Step::Message(turn) => {
                    let reply = Box::pin(self.message()).await;
                    self.session.answer(turn, reply);
                }
                Step::Discard(refusal) => self.discarded(refusal),
                Step::NeedsTls(sender) => self.journal.needs_tls(&sender),
                Step::StartTls => match self.flush().await {
                    Ok(_) => return Ended::StartTls(self.io, Box::new(self.session)),
                    Err(reason) => break reason,
                },
                Step::Close => break self.part().await,
            }
        };
        self.discard();
        Ended::Done(reason)
    }

    /// Sends what is queued and waits for more, no longer than the client may take.
    async fn exchange(&mut self) -> Result<(), Reason> {
        let answered = self.flush().await?;
        let expects = self.session.expects();
        if answered || expects != self.stall.expects() {
            self.stall.turn(expects, Instant::now());
        }
        let between = !self.session.in_transaction();
        tokio::select! {
            read = self.io.read_buf(self.session.input()) => match read {
                Ok(0) => Err(Reason::Gone),
                Ok(count) => {
                    self.stall.received(count, Instant::now());
                    Ok(())
                }
                Err(error) => Err(error.into()),
            },
            () = self.connection.draining.cancelled(), if between => {
                self.session.close(&ending());
                Ok(())
            }
            () = sleep_until(self.stall.deadline()) => {
                self.session.close(&too_slow(expects));
                Ok(())
            }
        }
    }

    /// Sends what is queued; whether there was anything.
    async fn flush(&mut self) -> Result<bool, Reason> {
        let queued = self.session.output().len();
        if queued == 0 {
            return Ok(false);
        }
        let written = async {
            self.io.write_all(self.session.output()).await?;
            self.io.flush().await
        };
        timeout_at(self.stall.write_deadline(Instant::now()), written).await.map_err(|_| Reason::Stalled)??;
        self.session.sent(queued);
        Ok(true)
    }

    /// Sends the last words and closes the connection, TLS with its own goodbye.
    async fn part(&mut self) -> Reason {
        if let Err(reason) = self.flush().await {
            return reason;
        }
        let deadline = self.stall.write_deadline(Instant::now());
        match timeout_at(deadline, self.io.shutdown()).await {
            Ok(Ok(())) => Reason::Said,
            Ok(Err(error)) => error.into(),
            Err(_) => Reason::Stalled,
        }
    }

    fn mail(&mut self, mail: MailFrom) -> Reply {
        let newest = self.service.configuration.snapshot();
        let snapshot = newest.unwrap_or_else(|| Arc::clone(&self.connection.snapshot));
        if let Err(reply) = self.connection.permit.message(&snapshot.configuration.root.limits) {
            self.journal.rate_exceeded(&mail);
            return reply;
        }
        self.current = Current::Envelope(Envelope::new(snapshot, mail));
        Reply::new(250, (1, 0), "Sender ok")
    }

    async fn rcpt(&mut self, rcpt: RcptTo) -> Reply {
        let Current::Envelope(envelope) = &mut self.current else {
            return out_of_order();
        };
        let asked = envelope.rcpt(&self.service.deliver, self.connection.door.listener.role, &rcpt).await;
        let reply = asked.reply();
        self.journal.recipient(&envelope.parties, &rcpt, &asked, &reply);
        reply
    }

    /// Whether the content may come.
    async fn content(&mut self) -> Reply {
        let Current::Envelope(envelope) = mem::replace(&mut self.current, Current::None) else {
            return out_of_order();
        };
        let trace = self.trace(&envelope);
        match envelope.receive(&self.service.store, &trace).await {
            Ok(content) => {
                self.current = Current::Content(content);
                Reply::bare(354, "Start mail input; end with <CRLF>.<CRLF>")
            }
            Err(reply) => reply,
        }
    }

    /// Our Received field for the message that is to come.
    fn trace(&self, envelope: &Envelope<D>) -> String {
        let parties = &envelope.parties;
        let id = parties.id.simple().to_string();
        let trace = Trace {
            helo: self.session.helo(),
            client: self.connection.client.address.ip(),
            tls: self.tls.map(|facts| TlsFacts { version: facts.version, cipher: facts.cipher_suite }),
            host: &envelope.snapshot.configuration.root.hostname,
            protocol: self.session.protocol(),
            id: &id,
            recipient: match parties.accepted.as_slice() {
                [only] => Some(&only.path),
                _ => None,
            },
            at: Timestamp::now(),
        };
        trace.to_field()
    }

    /// The content can't be held, or must not pass.
    fn refuse_content(&mut self, error: &ContentError) {
        if let Current::Content(content) = mem::replace(&mut self.current, Current::None) {
            let reply = error.reply();
            self.journal.content_refused(&content.parties, &reply);
            content.abandon();
            self.session.refuse_content(reply);
        }
    }

    /// The content is whole: hands it on.
    async fn message(&mut self) -> Reply {
        let Current::Content(content) = mem::replace(&mut self.current, Current::None) else {
            return out_of_order();
        };
        let delivered = content.deliver().await;
        self.journal.delivered(&delivered);
        delivered.reply
    }

    fn discarded(&mut self, refusal: Option<Reply>) {
        if let (Current::Content(content), Some(reply)) = (&self.current, refusal) {
            self.journal.content_refused(&content.parties, &reply);
        }
        self.discard();
    }

    fn discard(&mut self) {
        match mem::replace(&mut self.current, Current::None) {
            Current::None => {}
            Current::Envelope(envelope) => envelope.abandon(),
            Current::Content(content) => content.abandon(),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Self::Gone,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said => f.write_str("closed"),
            Self::Gone => f.write_str("the client went away"),
            Self::Stalled => f.write_str("the client did not read its replies"),
            Self::Failed(error) => f.write_str(error),
        }
    }
}

fn ending() -> Reply {
    Reply::new(421, (3, 2), "Shutting down, try another server")
}

fn too_slow(expects: Expect) -> Reply {
    match expects {
        Expect::Command => Reply::new(421, (4, 2), "Time-out waiting for a command"),
        Expect::Content => Reply::new(421, (4, 2), "Time-out waiting for the message"),
    }
}

/// The protocol asks in order, so nobody ever hears this.
fn out_of_order() -> Reply {
    Reply::new(451, (3, 0), "Internal fault, try again later")
}
