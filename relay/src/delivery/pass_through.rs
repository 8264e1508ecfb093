//! Delivery while the client waits: no queue, so nothing to lose.

use std::sync::Arc;

use postern_proto::envelope::MailFrom;

use super::{Deliver, Destination, Handover, Outbound};

/// Hands each transaction to a next hop while the client waits for the reply.
#[derive(Clone, Debug)]
pub struct PassThrough(Outbound);

impl PassThrough {
    /// Its transactions go out by `outbound`.
    #[must_use]
    pub fn new(outbound: Outbound) -> Self {
        Self(outbound)
    }
}

impl Deliver for PassThrough {
    type Transaction = Handover;

    fn begin(&self, mail: &MailFrom, to: &Arc<Destination>) -> Handover {
        self.0.begin(mail, to)
    }
}
