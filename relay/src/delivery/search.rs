//! Finds the next hop that answers a transaction's first recipient. Until one does, another may be asked; from then on, none.

use std::net::{IpAddr, SocketAddr};

use postern_proto::{
    address::{Domain, ForwardPath},
    client::Extension,
    envelope::{MailFrom, RcptTo},
    reply::Reply,
};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{
    choose::{self, Rank},
    connection::Connection,
    deadlines::Limit,
    destination::{Destination, Servers},
    dial::dial,
    fault::{Failure, Fault, Step, Then, Verdict},
    hop::Hop,
    lacks,
    mx::Plan,
    outbound::Shared,
    peer::Peer,
    pool::Key,
    transaction::{State, recipient},
};

/// The search for a next hop.
pub(super) struct Search<'a> {
    pub(super) shared: &'a Shared,
    pub(super) to: &'a Destination,
    pub(super) mail: &'a MailFrom,
    pub(super) rcpt: &'a RcptTo,
    pub(super) limit: Limit,
}

/// What the client hears of its recipient, and where the transaction stands then.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) state: State,
}

impl Answer {
    /// The same for this recipient and all others.
    pub(super) fn failed(reply: Reply, by: Option<Peer>) -> Self {
        Self { state: State::Failed(reply.clone(), by), reply }
    }
}

/// The domain of a recipient; `<Postmaster>` has none.
pub(super) fn domain_of(rcpt: &RcptTo) -> Option<&Domain> {
    match &rcpt.path {
        ForwardPath::Mailbox(mailbox) => Some(&mailbox.domain),
        ForwardPath::Postmaster => None,
    }
}

impl Search<'_> {
    /// Finds the servers, and asks one after the other, within the limit.
    pub(super) async fn run(&self) -> Answer {
        match &self.to.servers {
            Servers::Named(hops) => self.ask_all(hops).await,
            Servers::ByMx(plan) => match self.by_mx(plan).await {
                Ok(hops) => self.ask_all(&hops).await,
                Err(failure) => self.not_found(&failure),
            },
        }
    }

    async fn by_mx(&self, plan: &Plan) -> Result<Vec<Hop>, Failure> {
        let domain = domain_of(self.rcpt).ok_or_else(|| Step::Resolve.failed(Fault::NoName))?;
        plan.hops(domain, self.shared, &self.limit).await
    }

    fn not_found(&self, failure: &Failure) -> Answer {
        let Verdict { reply, .. } = failure.verdict();
        if reply.is_transient() {
            self.shared.metrics.failed(failure.step);
        }
        let domain = domain_of(self.rcpt).map(tracing::field::display);
        info!(destination = self.to.label(), domain, %failure, "the domain has no server that can be asked");
        Answer::failed(reply, None)
    }

    async fn ask_all(&self, hops: &[Hop]) -> Answer {
        let mut failure = Step::Connect.failed(Fault::TimedOut);
        for hop in self.in_order(hops) {
            match self.ask(hop).await {
                Ok(answer) => {
                    self.shared.suspects.clear(&hop.fingerprint);
                    return answer;
                }
                Err(failed) => failure = failed,
            }
            self.shared.suspects.note(hop.fingerprint, Instant::now());
            if self.limit.is_over() {
                break;
            }
        }
        Answer::failed(failure.verdict().reply, None)
    }

    fn in_order<'h>(&self, hops: &'h [Hop]) -> impl Iterator<Item = &'h Hop> {
        let now = Instant::now();
        let rank = |hop: &Hop| Rank {
            is_suspect: hops.len() > 1 && self.shared.suspects.holds(&hop.fingerprint, now),
            priority: hop.priority,
            weight: hop.weight,
        };
        let ranks: Vec<_> = hops.iter().map(rank).collect();
        choose::order(&ranks, &mut rand::rng()).into_iter().map(|place| &hops[place])
    }

    /// Asks one host, at one of its addresses after the other.
    async fn ask(&self, hop: &Hop) -> Result<Answer, Failure> {
        let addresses = self.shared.resolvers.of_pod().addresses(&hop.host, self.to.allowed_cidrs(), self.limit.next()).await;
        let addresses = addresses.inspect_err(|failure| self.note(hop, None, failure))?;
        let mut failure = Step::Connect.failed(Fault::TimedOut);
        for address in addresses {
            match self.ask_at(hop, SocketAddr::new(address, hop.port)).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failure = failed,
            }
            self.note(hop, Some(address), &failure);
            if self.limit.is_over() {
                break;
            }
        }
        Err(failure)
    }

    /// Asks on a connection that was kept, if there is one. When it fails before its first reply, it had died while it was idle, and a fresh
    /// one is made.
    async fn ask_at(&self, hop: &Hop, address: SocketAddr) -> Result<Answer, Failure> {
        let Shared { pool, metrics, .. } = self.shared;
        if let Some(connection) = pool.take(&Key { address, link: hop.link.fingerprint }) {
            match self.ask_on(connection).await {
                Err(failure) if failure.step == Step::Mail => {
                    metrics.stale.inc();
                    debug!(next_hop = &*hop.name, %address, %failure, "a kept connection had died");
                }
                other => return other,
            }
        }
        self.ask_on(dial(hop, address, &self.limit, metrics).await?).await
    }

    /// Says MAIL and RCPT, at once where that is allowed.
    async fn ask_on(&self, mut connection: Box<Connection>) -> Result<Answer, Failure> {
        if let Some(answer) = self.not_even_asked(&connection) {
            self.shared.pool.put(connection);
            return Ok(answer);
        }
        let is_pipelined = connection.capabilities().offers(Extension::Pipelining);
        connection.say(Step::Mail, |session| session.mail(self.mail))?;
        if is_pipelined {
            connection.say(Step::Rcpt, |session| session.rcpt(self.rcpt))?;
        }
        match connection.hear(Step::Mail, &self.limit).await {
            Ok(_) if is_pipelined => {}
            Ok(_) => connection.say(Step::Rcpt, |session| session.rcpt(self.rcpt))?,
            Err(failure) => return self.mail_refused(connection, failure, is_pipelined).await,
        }
        let reply = recipient(&mut connection, &self.limit).await?;
        Ok(Answer { reply, state: State::Open(connection) })
    }

    /// What the next hop lacks for this mail, as far as can be said before it is asked.
    fn not_even_asked(&self, connection: &Connection) -> Option<Answer> {
        if let Some(fault) = lacks::for_mail(self.mail, connection.capabilities()) {
            return Some(Answer::failed(Step::Mail.failed(fault).verdict().reply, Some(connection.peer.clone())));
        }
        let fault = lacks::for_recipient(self.rcpt, connection.capabilities())?;
        Some(Answer { reply: Step::Rcpt.failed(fault).verdict().reply, state: State::Unasked })
    }

    /// A refusal of MAIL is the answer to every recipient. The refusal of a RCPT that was sent along says no more; anything else than a refusal
    /// leaves the connection in doubt.
    async fn mail_refused(&self, mut connection: Box<Connection>, failure: Failure, is_pipelined: bool) -> Result<Answer, Failure> {
        let Verdict { reply, then: Then::Stay } = failure.verdict() else { return Err(failure) };
        let peer = connection.peer.clone();
        debug!(next_hop = %peer, %failure, "sender refused");
        let is_in_order =
            !is_pipelined || connection.hear(Step::Rcpt, &self.limit).await.is_err_and(|failure| failure.verdict().then == Then::Stay);
        if is_in_order {
            self.shared.pool.put(connection);
        }
        Ok(Answer::failed(reply, Some(peer)))
    }

    fn note(&self, hop: &Hop, address: Option<IpAddr>, failure: &Failure) {
        self.shared.metrics.failed(failure.step);
        let address = address.map(tracing::field::display);
        warn!(destination = self.to.label(), next_hop = &*hop.name, address, %failure, "the next hop can't be used");
    }
}
