//! The relay's own queue, as sessions see it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use postern_proto::{address::ForwardPath, reply::Reply};
use postern_spool::{Entry, Spool, SpoolError};

use super::Intake;
use crate::delivery::Destination;

/// The relay's queue, once it is open: until then nothing can be promised.
pub struct Inlet<S>(Arc<ArcSwapOption<S>>);

impl<S> Clone for Inlet<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Default for Inlet<S> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<S> Inlet<S> {
    /// Takes messages into `spool` from now on.
    pub fn open(&self, spool: S) {
        self.0.store(Some(Arc::new(spool)));
    }

    /// The spool, once it is open.
    #[must_use]
    pub fn spool(&self) -> Option<Arc<S>> {
        self.0.load_full()
    }
}

impl<S: Spool> Intake for Inlet<S> {
    type Writer = S::Writer;

    async fn has_nowhere_to_go(&self, _to: &Arc<Destination>, _recipient: &ForwardPath) -> Option<Reply> {
        None
    }

    async fn begin(&self, entry: Entry) -> Result<S::Writer, SpoolError> {
        match self.spool() {
            Some(spool) => spool.begin(entry).await,
            None => Err(SpoolError::Closed),
        }
    }
}
