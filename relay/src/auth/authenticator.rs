//! What all exchanges of a process share.

use std::sync::Arc;

use postern_proto::server::Mechanism;

use super::{Client, Exchange, Metrics, Users, cache::Cache, pool::Pool, slowness::Slowness};

/// Judges who clients are: one in a process, for all listeners. Clones share everything.
#[derive(Clone)]
pub struct Authenticator(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) pool: Pool,
    pub(super) cache: Cache,
    pub(super) slowness: Slowness,
    pub(super) metrics: Metrics,
}

impl Authenticator {
    /// An authenticator that remembers nobody.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self(Arc::new(Shared { pool: Pool::new(metrics.clone()), cache: Cache::new(), slowness: Slowness::new(), metrics }))
    }

    /// Begins an exchange for an AUTH command. Whether the mechanism was on offer is for the caller to know: SCRAM is only where
    /// [`Users::every_one_has_a_verifier`].
    #[must_use]
    pub fn begin(&self, users: Arc<Users>, client: Client, mechanism: Mechanism) -> Exchange {
        Exchange::new(self.clone(), users, client, mechanism)
    }
}
