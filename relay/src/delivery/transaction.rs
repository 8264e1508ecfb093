//! One transaction with one next hop.

use std::{mem, sync::Arc};

use postern_proto::{
    address::Domain,
    client::{Extension, Session},
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    Destination, Transaction,
    connection::Connection,
    deadlines::Limit,
    fault::{Failure, Fault, Step, Then, Verdict, passed_on},
    lacks,
    metrics::Phase,
    outbound::Shared,
    peer::Peer,
    search::{Answer, Search, domain_of},
    source::Source,
};
use crate::message::Message;

/// A transaction that is handed to a next hop while someone waits for the reply.
#[derive(Debug)]
pub struct Handover {
    shared: Arc<Shared>,
    to: Arc<Destination>,
    mail: MailFrom,
    /// The domain of the first recipient, where servers are found by it.
    domain: Option<String>,
    state: State,
}

/// Where a transaction stands. While a step is under way it stands at `Failed`, so that a step that is cancelled closes its connection.
#[derive(Debug)]
pub(super) enum State {
    /// No next hop has heard of it.
    Unasked,
    /// MAIL is accepted; every command has its reply.
    Open(Box<Connection>),
    /// It comes to nothing. Every recipient hears the same, which is what this server said, or what came of asking it.
    Failed(Reply, Option<Peer>),
}

impl Handover {
    pub(super) fn new(shared: Arc<Shared>, to: Arc<Destination>, mail: MailFrom) -> Self {
        Self { shared, to, mail, domain: None, state: State::Unasked }
    }

    /// What a recipient hears whose domain has servers of its own. It is no word on that recipient, whatever became of those before.
    fn of_another_domain(&mut self, rcpt: &RcptTo) -> Option<Reply> {
        if !self.to.is_by_mx() {
            return None;
        }
        let domain = domain_of(rcpt).and_then(Domain::to_a_label).unwrap_or_default();
        if matches!(self.state, State::Unasked) {
            self.domain = Some(domain.into_owned());
            return None;
        }
        (self.domain.as_deref() != Some(&*domain))
            .then(|| Reply::new(452, (5, 3), "This recipient has other servers, send it in a transaction of its own"))
    }

    fn take_state(&mut self) -> State {
        let Verdict { reply, .. } = Step::Rcpt.failed(Fault::TimedOut).verdict();
        mem::replace(&mut self.state, State::Failed(reply, None))
    }

    async fn first_recipient(&self, rcpt: &RcptTo) -> Answer {
        let limit = self.to.deadlines.first_recipient();
        Search { shared: &self.shared, to: &self.to, mail: &self.mail, rcpt, limit }.run().await
    }

    async fn next_recipient(&self, mut connection: Box<Connection>, rcpt: &RcptTo) -> Answer {
        if let Some(fault) = lacks::for_recipient(rcpt, connection.capabilities()) {
            return Answer { reply: Step::Rcpt.failed(fault).verdict().reply, state: State::Open(connection) };
        }
        let answered = match connection.say(Step::Rcpt, |session| session.rcpt(rcpt)) {
            Ok(()) => recipient(&mut connection, &self.to.deadlines.recipient()).await,
            Err(failure) => Err(failure),
        };
        match answered {
            Ok(reply) => Answer { reply, state: State::Open(connection) },
            Err(failure) => Answer::failed(self.lost(&connection, &failure).reply, Some(connection.peer.clone())),
        }
    }

    /// Whether the server that has the transaction offers DSN (RFC 3461), and so reports to the sender itself.
    #[must_use]
    pub fn reports_itself(&self) -> bool {
        matches!(&self.state, State::Open(connection) if connection.capabilities().offers(Extension::Dsn))
    }

    /// [`Transaction::deliver`], whoever holds the content.
    pub async fn hand_over_from(mut self, content: impl Source) -> Reply {
        let begun = Instant::now();
        let mut connection = match self.take_state() {
            State::Open(connection) => connection,
            State::Failed(reply, _) => return reply,
            State::Unasked => return Reply::new(503, (5, 1), "No recipient"),
        };
        let outcome = self.hand_over(&mut connection, content).await;
        self.shared.metrics.took(Phase::Content, begun.elapsed());
        self.conclude(connection, outcome)
    }

    /// DATA, the content and its end. Returns the reply to that.
    async fn hand_over(&self, connection: &mut Connection, mut content: impl Source) -> Result<Reply, Failure> {
        let limit = self.to.deadlines.content();
        if let Some(fault) = lacks::for_content(&self.mail, &mut content, connection.capabilities()).await {
            return Err(Step::Data.failed(fault));
        }
        connection.say(Step::Data, Session::data)?;
        connection.hear(Step::Data, &limit).await?;
        connection.send(content, &limit).await?;
        connection.hear(Step::EndOfData, &self.to.deadlines.final_reply()).await
    }

    /// Notes that the link failed in the middle of the transaction.
    fn lost(&self, connection: &Connection, failure: &Failure) -> Verdict {
        self.shared.metrics.failed(failure.step);
        warn!(
            destination = self.to.label(),
            next_hop = %connection.peer,
            %failure,
            "the connection to the next hop failed"
        );
        failure.verdict()
    }

    /// Judges how the content fared, and what becomes of the connection.
    fn conclude(&self, connection: Box<Connection>, outcome: Result<Reply, Failure>) -> Reply {
        match outcome {
            Ok(reply) => {
                debug!(next_hop = %connection.peer, tls = connection.stream.encryption().name(), %reply, "content taken");
                self.shared.tidy(connection);
                passed_on(reply, (0, 0))
            }
            Err(failure) => self.content_failed(connection, &failure),
        }
    }

    fn content_failed(&self, connection: Box<Connection>, failure: &Failure) -> Reply {
        let Verdict { reply, then } = failure.verdict();
        match then {
            Then::Stay => self.shared.tidy(connection),
            Then::AskAnother | Then::GiveUp => drop(self.lost(&connection, failure)),
            Then::MaybeDelivered => {
                self.shared.metrics.possible_duplicates.inc();
                drop(self.lost(&connection, failure));
            }
        }
        reply
    }
}

/// The reply to a RCPT that was said, as the client hears it. A refusal leaves the transaction as it is.
pub(super) async fn recipient(connection: &mut Connection, limit: &Limit) -> Result<Reply, Failure> {
    match connection.hear(Step::Rcpt, limit).await {
        Ok(reply) => Ok(passed_on(reply, (1, 5))),
        Err(failure) => match failure.verdict() {
            Verdict { reply, then: Then::Stay } => {
                debug!(next_hop = %connection.peer, %reply, "recipient refused");
                Ok(reply)
            }
            _ => Err(failure),
        },
    }
}

impl Transaction for Handover {
    async fn rcpt(&mut self, rcpt: &RcptTo) -> Reply {
        let begun = Instant::now();
        if let Some(reply) = self.of_another_domain(rcpt) {
            return reply;
        }
        let Answer { reply, state } = match self.take_state() {
            // A search is long to write down, and most of a transaction's life is not one.
            State::Unasked => Box::pin(self.first_recipient(rcpt)).await,
            State::Open(connection) => self.next_recipient(connection, rcpt).await,
            State::Failed(reply, by) => Answer { reply: reply.clone(), state: State::Failed(reply, by) },
        };
        self.state = state;
        self.shared.metrics.took(Phase::Recipient, begun.elapsed());
        reply
    }

    async fn deliver(self, message: Message) -> Reply {
        self.hand_over_from(message).await
    }

    fn next_hop(&self) -> Option<Peer> {
        match &self.state {
            State::Open(connection) => Some(connection.peer.clone()),
            State::Failed(_, by) => by.clone(),
            State::Unasked => None,
        }
    }

    fn abandon(self) {}
}

/// Ends what is open at the next hop.
impl Drop for Handover {
    fn drop(&mut self) {
        if let State::Open(connection) = mem::replace(&mut self.state, State::Unasked) {
            self.shared.tidy(connection);
        }
    }
}
