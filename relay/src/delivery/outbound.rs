//! What all transactions with other servers share, whoever waits for them: a client, or the queue.

use std::sync::Arc;

use postern_proto::{client::Session, envelope::MailFrom};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use super::{
    Destination, Metrics, Resolver, connection::Connection, deadlines::Limit, fault::Step, pool::Pool, suspects::Suspects,
    transaction::Handover,
};

/// Where transactions with next hops begin. Cheap to clone; clones share connections and what is known of servers that failed.
#[derive(Clone, Debug)]
pub struct Outbound(Arc<Shared>);

/// What all transactions share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resolver: Resolver,
    pub(super) pool: Arc<Pool>,
    pub(super) suspects: Suspects,
    pub(super) metrics: Arc<Metrics>,
}

impl Outbound {
    /// Must be called in a Tokio runtime, where it leaves a task that closes idle connections.
    #[must_use]
    pub fn new(resolver: Resolver, metrics: Metrics) -> Self {
        let metrics = Arc::new(metrics);
        Self(Arc::new(Shared { resolver, pool: Pool::new(Arc::clone(&metrics)), suspects: Suspects::default(), metrics }))
    }

    /// Begins a transaction. No I/O yet: a next hop is asked at the first recipient.
    #[must_use]
    pub fn begin(&self, mail: &MailFrom, to: &Arc<Destination>) -> Handover {
        Handover::new(Arc::clone(&self.0), Arc::clone(to), mail.clone())
    }
}

impl Shared {
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
