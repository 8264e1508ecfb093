//! What all transactions with other servers share, whoever waits for them: a client, or the queue.

use std::{net::IpAddr, sync::Arc};

use postern_proto::{address::Domain, client::Session, envelope::MailFrom, reply::Reply};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::{
    Destination, Metrics, Resolver,
    connection::Connection,
    deadlines::Limit,
    destination::Servers,
    fault::{Step, Verdict},
    mx::is_bound_here,
    pool::Pool,
    resolvers::Resolvers,
    suspects::Suspects,
    transaction::Handover,
};

/// Where transactions with next hops begin. Cheap to clone; clones share connections and what is known of servers that failed.
#[derive(Clone, Debug)]
pub struct Outbound(Arc<Shared>);

/// What all transactions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resolvers: Resolvers,
    pub(super) pool: Arc<Pool>,
    pub(super) suspects: Suspects,
    pub(super) metrics: Arc<Metrics>,
    /// The addresses of the node that the relay runs on.
    host_addresses: Vec<IpAddr>,
}

impl Outbound {
    /// [`Outbound::on_host`], where nothing is known of the host.
    #[must_use]
    pub fn new(pod: Resolver, metrics: Metrics) -> Self {
        Self::on_host(Vec::new(), pod, metrics)
    }

    /// Must be called in a Tokio runtime, where it leaves a task that closes idle connections. An exchanger at one of `host_addresses`, those
    /// of the node that the relay runs on, is taken for the relay itself. `pod` asks the pod's own DNS: for the names that a configuration holds,
    /// and for all others where the configuration names no servers for them.
    #[must_use]
    pub fn on_host(host_addresses: Vec<IpAddr>, pod: Resolver, metrics: Metrics) -> Self {
        let metrics = Arc::new(metrics);
        let pool = Pool::new(Arc::clone(&metrics));
        Self(Arc::new(Shared { resolvers: Resolvers::new(pod), pool, suspects: Suspects::default(), metrics, host_addresses }))
    }

    /// Begins a transaction. No I/O yet: a next hop is asked at the first recipient.
    #[must_use]
    pub fn begin(&self, mail: &MailFrom, to: &Arc<Destination>) -> Handover {
        Handover::new(Arc::clone(&self.0), Arc::clone(to), mail.clone())
    }

    /// What every recipient in `domain` would hear for good at `to`, which finds servers by MX: that the domain does not exist, that it takes
    /// no mail, that none of its exchangers can be asked. `None` when it has one, when nobody knows within five seconds, and for servers that
    /// are named.
    pub async fn verdict_of_domain(&self, to: &Destination, domain: &Domain) -> Option<Reply> {
        let Servers::ByMx(plan) = &to.servers else { return None };
        let failure = plan.hops(domain, &self.0, &Limit::domain()).await.err()?;
        let Verdict { reply, .. } = failure.verdict();
        (!reply.is_transient()).then_some(reply)
    }
}

impl Shared {
    /// Whether an address leads back to this relay, as far as it can tell.
    pub(super) fn is_here(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.host_addresses.contains(&address) || is_bound_here(address)
    }

    /// Keeps a connection that a transaction is done with. An open transaction is reset in the background first; what can't be reset is closed.
    pub(super) fn tidy(self: &Arc<Self>, mut connection: Box<Connection>) {
        if connection.session.is_reusable() {
            return self.pool.put(connection);
        }
        let Ok(runtime) = Handle::try_current() else { return };
        if connection.say(Step::Reset, Session::rset).is_ok() {
            let shared = Arc::clone(self);
            runtime.spawn(async move { shared.reset(connection).await }.in_current_span());
        }
    }

    async fn reset(&self, mut connection: Box<Connection>) {
        if connection.hear(Step::Reset, &Limit::tidying()).await.is_ok() {
            self.pool.put(connection);
        }
    }
}
