//! One connection to a next hop: moves bytes, and gives every step its deadline.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use postern_proto::{
    client::{Capabilities, CommandError, Event, Session},
    reply::Reply,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use super::{
    deadlines::Limit,
    fault::{Failure, Fault, Step},
    metrics::Metrics,
    peer::Peer,
    source::Source,
    stream::Stream,
    tls::Fingerprint,
};

/// A connection to a next hop, with the session on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) session: Session,
    /// How it was made.
    pub(super) link: Fingerprint,
    pub(super) peer: Peer,
    pub(super) opened: Instant,
    pub(super) metrics: Arc<Metrics>,
}

/// What the peer said.
enum Said {
    Reply(Reply),
    /// In an exchange of AUTH.
    Challenge(Vec<u8>),
}

/// How writing content ended.
enum Written {
    /// All of it is with the kernel.
    All,
    /// The peer said something first.
    SpokenTo,
}

impl Connection {
    pub(super) fn capabilities(&self) -> &Capabilities {
        self.session.capabilities()
    }

    /// Whether another transaction may be begun without doubt. Costs one system call and no round trip.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.session.is_reusable() && self.stream.is_quiet()
    }

    /// Queues a command.
    pub(super) fn say(&mut self, step: Step, command: impl FnOnce(&mut Session) -> Result<(), CommandError>) -> Result<(), Failure> {
        command(&mut self.session).map_err(|error| step.failed(error))
    }

    /// Sends what is queued and waits for the next reply. A negative one is a failure.
    pub(super) async fn hear(&mut self, step: Step, limit: &Limit) -> Result<Reply, Failure> {
        let heard = timeout_at(limit.next(), async {
            self.flush().await?;
            self.next_reply().await
        });
        let reply = heard.await.unwrap_or(Err(Fault::TimedOut)).map_err(|fault| step.failed(fault))?;
        self.judge(step, reply)
    }

    /// The same in an exchange of AUTH: the server's next challenge, or `None` when it is convinced.
    pub(super) async fn hear_challenge(&mut self, limit: &Limit) -> Result<Option<Vec<u8>>, Failure> {
        let heard = timeout_at(limit.next(), async {
            self.flush().await?;
            self.next_said().await
        });
        match heard.await.unwrap_or(Err(Fault::TimedOut)).map_err(|fault| Step::Auth.failed(fault))? {
            Said::Challenge(challenge) => Ok(Some(challenge)),
            Said::Reply(reply) => self.judge(Step::Auth, reply).map(|_| None),
        }
    }

    fn judge(&self, step: Step, reply: Reply) -> Result<Reply, Failure> {
        self.metrics.replied(step, &reply);
        if reply.is_positive() { Ok(reply) } else { Err(step.failed(Fault::Refused(reply))) }
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.session.output().is_empty() {
            let written = self.stream.write(self.session.output()).await?;
            self.session.sent(nonzero(written, io::ErrorKind::WriteZero)?);
        }
        self.stream.flush().await
    }

    async fn next_reply(&mut self) -> Result<Reply, Fault> {
        loop {
            if let Said::Reply(reply) = self.next_said().await? {
                return Ok(reply);
            }
        }
    }

    async fn next_said(&mut self) -> Result<Said, Fault> {
        loop {
            match self.session.step()? {
                Event::Reply(_, reply) => return Ok(Said::Reply(reply)),
                Event::Challenge(challenge) => return Ok(Said::Challenge(challenge)),
                Event::Read => poll_fn(|cx| self.poll_read(cx)).await?,
            };
        }
    }

    /// Sends the whole content and its end. The end goes out only when the content could be read to its end and the next hop said nothing
    /// meanwhile. What is returned as a failure of [`Step::EndOfData`] may have arrived.
    pub(super) async fn send(&mut self, mut content: impl Source, limit: &Limit) -> Result<(), Failure> {
        while let Some(piece) = content.next_chunk().await.map_err(|error| Step::Content.failed(Fault::Unreadable(error)))? {
            self.write_content(limit).await?;
            self.say_content(limit, |session| session.content(piece)).await?;
        }
        drop(content);
        if poll_fn(|cx| Poll::Ready(self.poll_read(cx).is_ready())).await {
            return Err(self.early_end(limit, closed()).await);
        }
        self.say_content(limit, Session::end_of_data).await?;
        self.write_content(limit).await
    }

    /// Queues what belongs to the content, unless the next hop has spoken.
    async fn say_content(&mut self, limit: &Limit, queue: impl FnOnce(&mut Session) -> Result<(), CommandError>) -> Result<(), Failure> {
        match queue(&mut self.session) {
            Err(CommandError::Unsolicited) => Err(self.early_end(limit, closed()).await),
            queued => queued.map_err(|error| Step::Content.failed(error)),
        }
    }

    /// Writes what is queued of the content, within one step's deadline: so slow a next hop may be, and no slower.
    async fn write_content(&mut self, limit: &Limit) -> Result<(), Failure> {
        if self.session.output().is_empty() {
            return Ok(());
        }
        match timeout_at(limit.next(), poll_fn(|cx| self.poll_write_content(cx))).await {
            Ok(Ok(Written::All)) => Ok(()),
            Ok(Ok(Written::SpokenTo)) => Err(self.early_end(limit, closed()).await),
            Ok(Err(error)) => Err(self.early_end(limit, error).await),
            Err(_) => Err(self.content_step().failed(Fault::TimedOut)),
        }
    }

    /// Writes until all is written, or the peer speaks while it does not take more.
    fn poll_write_content(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>> {
        while !self.session.output().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.session.output()) {
                Poll::Ready(written) => self.session.sent(nonzero(written?, io::ErrorKind::WriteZero)?),
                Poll::Pending => return self.poll_read(cx).map(|_| Ok(Written::SpokenTo)),
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx).map_ok(|()| Written::All)
    }

    /// Why content came to an early end: what the next hop said, if it said anything, or else `error`.
    async fn early_end(&mut self, limit: &Limit, error: io::Error) -> Failure {
        let step = self.content_step();
        match timeout_at(limit.next(), self.next_reply()).await {
            Ok(Ok(reply)) => {
                self.metrics.replied(step, &reply);
                step.failed(Fault::Refused(reply))
            }
            Ok(Err(Fault::Lost(_))) => step.failed(error),
            Ok(Err(fault)) => step.failed(fault),
            Err(_) => step.failed(Fault::TimedOut),
        }
    }

    /// Whether the end of data may have gone out.
    fn content_step(&self) -> Step {
        if self.session.is_delivering() { Step::EndOfData } else { Step::Content }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = pin!(self.stream.read_buf(self.session.input())).poll(cx);
        read.map(|read| nonzero(read?, io::ErrorKind::UnexpectedEof))
    }

    /// Ends the session in good order, as far as the peer goes along.
    pub(super) async fn quit(mut self) {
        let limit = Limit::tidying();
        if self.say(Step::Reset, Session::quit).is_ok() && self.hear(Step::Reset, &limit).await.is_ok() {
            // The peer has said goodbye; whether it hears ours changes nothing.
            let _ = timeout_at(limit.next(), self.stream.shutdown()).await;
        }
    }
}

/// No bytes where some must be: what the kernel means by it.
fn nonzero(bytes: usize, meaning: io::ErrorKind) -> io::Result<usize> {
    if bytes == 0 { Err(meaning.into()) } else { Ok(bytes) }
}

fn closed() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
