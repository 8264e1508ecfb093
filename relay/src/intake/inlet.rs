//! The relay's own queue, as sessions see it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use postern_proto::{address::ForwardPath, reply::Reply};
use postern_spool::{Entry, Spool, SpoolError};

use super::Intake;
use crate::delivery::{Destination, Outbound};

/// The relay's queue, once it is open: until then nothing can be promised.
pub struct Inlet<S> {
    spool: Arc<ArcSwapOption<S>>,
    outbound: Outbound,
}

impl<S> Clone for Inlet<S> {
    fn clone(&self) -> Self {
        Self { spool: Arc::clone(&self.spool), outbound: self.outbound.clone() }
    }
}

impl<S> Inlet<S> {
    /// A queue that is not open yet. `outbound` tells whether mail has anywhere to go.
    #[must_use]
    pub fn new(outbound: Outbound) -> Self {
        Self { spool: Arc::default(), outbound }
    }

    /// Takes messages into `spool` from now on.
    pub fn open(&self, spool: S) {
        self.spool.store(Some(Arc::new(spool)));
    }

    /// The spool, once it is open.
    #[must_use]
    pub fn spool(&self) -> Option<Arc<S>> {
        self.spool.load_full()
    }
}

impl<S: Spool> Intake for Inlet<S> {
    type Writer = S::Writer;

    async fn has_nowhere_to_go(&self, to: &Arc<Destination>, recipient: &ForwardPath) -> Option<Reply> {
        let ForwardPath::Mailbox(mailbox) = recipient else { return None };
        self.outbound.verdict_of_domain(to, &mailbox.domain).await
    }

    async fn begin(&self, entry: Entry) -> Result<S::Writer, SpoolError> {
        match self.spool() {
            Some(spool) => spool.begin(entry).await,
            None => Err(SpoolError::Closed),
        }
    }
}
