//! Moves the bytes of one connection and waits for them, and carries the protocol's questions to those who answer.

use std::{fmt, io, mem, sync::Arc, time::Duration};

use jiff::Timestamp;
use postern_config::Role;
use postern_proto::{
    envelope::{MailFrom, RcptTo},
    reply::Reply,
    server::{AuthBegin, Expect, Session, Step},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep, timeout, timeout_at},
};
use zeroize::Zeroizing;

use super::{
    Service,
    authentication::{Authentication, exchange, mechanisms},
    content::{Content, ContentError},
    envelope::{Envelope, Unreceived},
    journal::Journal,
    parties::Parties,
    stall::Stall,
};
use crate::{
    auth::{Exchange, Users},
    delivery::Deliver,
    filter::{TlsFacts, Trace},
    intake::Intake,
    listen::Connection,
    policy::{Identity, may_send},
    tls::Facts,
};

/// How long replies may be held back so that several go in one packet (RFC 2920 section 3.2).
const HELD_BACK: Duration = Duration::from_secs(1);

/// How long a client is listened to after our last words.
const HEARD_OUT: Duration = Duration::from_secs(1);

/// A session on its stream.
pub(super) struct Conversation<'a, IO, D: Deliver, Q: Intake> {
    io: IO,
    session: Session,
    current: Current<D, Q>,
    service: &'a Service<D, Q>,
    connection: &'a Connection,
    journal: Journal<'a>,
    /// Who the client was found to be.
    identity: Option<Identity>,
    /// How far it is with telling who it is.
    authentication: Authentication,
    tls: Option<&'a Facts>,
    stall: Stall,
    /// When the client was heard last; what is queued is no older.
    heard: Instant,
}

/// The transaction that is open.
enum Current<D: Deliver, Q: Intake> {
    None,
    Envelope(Envelope<D>),
    /// In a box, since it is much larger than the rest, and most of a session's life it isn't there.
    Content(Box<Content<D, Q>>),
}

impl<D: Deliver, Q: Intake> Current<D, Q> {
    fn parties(&self) -> Option<&Parties> {
        match self {
            Self::None => None,
            Self::Envelope(envelope) => Some(&envelope.parties),
            Self::Content(content) => Some(&content.parties),
        }
    }
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

impl<'a, IO, D, Q> Conversation<'a, IO, D, Q>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
    D: Deliver,
    Q: Intake,
{
    pub(super) fn new(
        io: IO,
        mut session: Session,
        service: &'a Service<D, Q>,
        connection: &'a Connection,
        tls: Option<&'a Facts>,
    ) -> Self {
        let stall = Stall::new(&connection.snapshot.configuration.root.timeouts);
        let journal = Journal::new(connection, &service.metrics);
        let identity = connection.trusted_as(tls);
        if let (Role::Submission, Some(tls)) = (connection.door.listener.role, tls) {
            session.offer_mechanisms(mechanisms(&connection.snapshot.users, tls));
        }
        Self {
            io,
            session,
            current: Current::None,
            service,
            connection,
            journal,
            identity,
            authentication: Authentication::None,
            tls,
            stall,
            heard: Instant::now(),
        }
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
                Step::Auth(begin, turn) => {
                    let exchange = self.ask_who(&begin);
                    Box::pin(self.authentication.begin(&mut self.session, turn, begin, exchange)).await;
                    self.recognise();
                }
                Step::AuthResponse(response, turn) => {
                    let response = Zeroizing::new(response);
                    Box::pin(self.authentication.respond(&mut self.session, turn, &response)).await;
                    self.recognise();
                }
                Step::AuthCancelled => self.authentication = Authentication::None,
                Step::Mail(mail, turn) => {
                    let reply = self.mail(mail);
                    self.session.answer(turn, reply);
                }
                Step::Rcpt(rcpt, turn) => {
                    if let Err(reason) = self.flush_old().await {
                        break reason;
                    }
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
                    if let Err(reason) = self.flush_old().await {
                        break reason;
                    }
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
            self.stall.turn(expects);
        }
        let between = !self.session.in_transaction();
        let since = Instant::now();
        tokio::select! {
            biased;
            () = self.connection.draining.cancelled(), if between => {
                self.session.close(&ending());
                Ok(())
            }
            // Before the deadline: what is there already is not late.
            read = self.io.read_buf(self.session.input()) => {
                self.heard = Instant::now();
                match read? {
                    0 => Err(Reason::Gone),
                    count => {
                        self.stall.received(count, self.heard - since);
                        Ok(())
                    }
                }
            }
            () = sleep(self.stall.left()) => {
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
        timeout(self.stall.to_read(), written).await.map_err(|_| Reason::Stalled)??;
        self.session.sent(queued);
        Ok(true)
    }

    /// Sends what has been queued for long, before something else is waited for. A client that pipelines its recipients must not wait for the
    /// first reply until all of them are asked of a slow next hop.
    async fn flush_old(&mut self) -> Result<(), Reason> {
        if self.heard.elapsed() > HELD_BACK {
            self.flush().await?;
        }
        Ok(())
    }

    /// Sends the last words and closes the connection, TLS with its own goodbye.
    async fn part(&mut self) -> Reason {
        let parted = async {
            self.flush().await?;
            timeout(self.stall.to_read(), self.io.shutdown()).await.map_err(|_| Reason::Stalled)??;
            Ok(self.hear_out().await)
        };
        parted.await.unwrap_or_else(|reason| reason)
    }

    /// Reads what the client still sends, for a moment: closing a connection with unread input resets it, and the client may lose our last
    /// words.
    async fn hear_out(&mut self) -> Reason {
        let mut unheard = [0; 512];
        let until = Instant::now() + HEARD_OUT;
        while let Ok(Ok(1..)) = timeout_at(until, self.io.read(&mut unheard)).await {}
        Reason::Said
    }

    /// The users are those of the newest configuration: who was taken out of it a moment ago has no way in.
    fn ask_who(&self, begin: &AuthBegin) -> Exchange {
        let newest = self.service.configuration.snapshot();
        let users = newest.map_or_else(|| Arc::clone(&self.connection.snapshot.users), |snapshot| Arc::clone(&snapshot.users));
        exchange(&self.service.authenticator, &users, self.connection, self.tls, begin.mechanism)
    }

    fn recognise(&mut self) {
        if let Some(account) = self.authentication.account() {
            self.identity = Some(account.identity());
        }
    }

    /// Counts a message for the user who authenticated, as it is among `users` now.
    fn count_for_user(&mut self, users: &Users) -> Result<(), Reply> {
        let Some(account) = self.authentication.account() else { return Ok(()) };
        let current = users.current(account).ok_or_else(changed)?;
        self.identity = Some(current.identity());
        self.service.rates.message(current)
    }

    fn mail(&mut self, mail: MailFrom) -> Reply {
        self.connection.begins_mail();
        let newest = self.service.configuration.snapshot();
        let snapshot = newest.unwrap_or_else(|| Arc::clone(&self.connection.snapshot));
        let counted =
            self.connection.permit.message(&snapshot.configuration.root.limits).and_then(|()| self.count_for_user(&snapshot.users));
        if let Err(reply) = counted {
            self.journal.rate_exceeded(&mail);
            return reply;
        }
        if let Some(refusal) = may_send(self.connection.door.listener.role, self.identity.as_ref(), &mail.path) {
            self.journal.sender_refused(&mail, self.identity.as_ref(), refusal);
            return refusal.reply();
        }
        let parties = Parties::new(mail, self.identity.clone());
        self.current = Current::Envelope(Envelope::new(snapshot, &self.connection.door.listener, parties));
        Reply::new(250, (1, 0), "Sender ok")
    }

    async fn rcpt(&mut self, rcpt: RcptTo) -> Reply {
        let Current::Envelope(envelope) = &mut self.current else {
            return out_of_order();
        };
        let asked = envelope.rcpt(self.service, &self.connection.door.listener, &rcpt).await;
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
        match envelope.receive(self.service, &self.connection.door, &trace).await {
            Ok(content) => {
                self.current = Current::Content(Box::new(content));
                // Never sent: the protocol says 354, or takes the chunk.
                Reply::new(250, (0, 0), "Room is made")
            }
            Err(Unreceived { parties, reply }) => {
                self.journal.content_refused(&parties, &reply);
                reply
            }
        }
    }

    /// Our Received field for the message that is to come.
    fn trace(&self, envelope: &Envelope<D>) -> String {
        let parties = &envelope.parties;
        let id = parties.id.to_string();
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
        if let (Some(parties), Some(reply)) = (self.current.parties(), refusal) {
            self.journal.content_refused(parties, &reply);
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

fn changed() -> Reply {
    Reply::new(421, (7, 0), "Your account has changed, authenticate again")
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
