//! Who may write to the cluster, and until when.
//!
//! A lease that its holder could not renew is taken over when its time is up. So nobody writes on the strength of a lease that may be another's
//! by the time the write arrives: a write starts only before the deadline of the last renewal, and ends within the time between that deadline
//! and the moment at which another may take over.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// How long one write may take. Less than the time between the deadline of a renewal and the end of the lease.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

/// Until when this process may begin writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not at all: another leads, or nobody does.
    Standby,
    /// Until the deadline of the last renewal.
    Until(Instant),
    /// As long as it runs: it was told that it is alone.
    Alone,
}

/// Gives out permits. Clones are the same.
#[derive(Clone, Debug)]
pub struct Permits(watch::Receiver<Standing>);

/// The right to begin one write now.
#[derive(Debug)]
#[must_use]
pub struct Permit(());

/// Why a write did not take place, or nobody knows whether it did.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// This process does not lead.
    #[error("this replica does not hold the lease; the one that does will carry on")]
    NotLeading,
    /// The API server did not answer in time; the write may have taken place.
    #[error("the API server did not answer within {} s", WRITE_TIMEOUT.as_secs())]
    TimedOut,
    /// The API server refused, or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
}

impl Permits {
    /// Follows the standing that the lease's holder tells.
    #[must_use]
    pub fn new(standing: watch::Receiver<Standing>) -> Self {
        Self(standing)
    }

    /// Whether a write may begin now.
    pub fn take(&self) -> Result<Permit, WriteError> {
        if is_open(*self.0.borrow()) { Ok(Permit(())) } else { Err(WriteError::NotLeading) }
    }

    /// Whether this process leads now.
    #[must_use]
    pub fn leads(&self) -> bool {
        is_open(*self.0.borrow())
    }

    /// Waits until this process leads. For ever once it will never again.
    pub async fn led(&self) {
        let mut standing = self.0.clone();
        if standing.wait_for(|standing| is_open(*standing)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn is_open(standing: Standing) -> bool {
    match standing {
        Standing::Standby => false,
        Standing::Until(deadline) => Instant::now() < deadline,
        Standing::Alone => true,
    }
}

impl Permit {
    /// Carries out one write. `write` must not have begun: a future of [`kube::Api`] begins when it is first polled.
    pub async fn spend<T>(self, write: impl Future<Output = kube::Result<T>>) -> Result<T, WriteError> {
        match timeout(WRITE_TIMEOUT, write).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(WriteError::TimedOut),
        }
    }
}
