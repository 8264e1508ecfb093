//! Gives a message back because somebody wants it so.

use std::sync::Arc;

use jiff::Timestamp;
use postern_spool::{Entry, Failure, Listed, MessageId, Spool, SpoolError, Status};

use super::{
    Metrics,
    report::Kind,
    reporting::{Reporter, Subject},
};
use crate::{
    intake::Inlet,
    queue_tools::{Bounce, BounceError},
    snapshot,
};

/// Gives messages of the relay's queue back to their senders.
#[derive(Clone)]
pub struct Bouncer<S> {
    /// The queue.
    pub inlet: Inlet<S>,
    /// The configuration in use.
    pub configuration: Arc<snapshot::Store>,
    /// Counts of the queue.
    pub metrics: Metrics,
}

impl<S: Spool> Bounce for Bouncer<S> {
    /// The message is held first, so that no delivery begins while its sender is told that there will be none.
    async fn bounce(&self, id: MessageId) -> Result<(), BounceError> {
        let (Some(spool), Some(snapshot)) = (self.inlet.spool(), self.configuration.snapshot()) else {
            return Err(SpoolError::Closed.into());
        };
        let rules = snapshot.configuration.root.spool.as_ref().ok_or(SpoolError::Closed)?;
        let was_held = spool.get(id).await?.held;
        spool.hold(id).await?;
        let Listed { mut entry, body_bytes, claimed, .. } = spool.get(id).await?;
        if claimed {
            if !was_held {
                spool.resume(id).await?;
            }
            return Err(BounceError::Claimed);
        }
        fail(&mut entry);
        let host = snapshot.configuration.root.hostname.as_str();
        let reporter = Reporter { spool: &*spool, host, rules, metrics: &self.metrics };
        reporter.report(Subject { entry: &entry, bytes: Some(body_bytes) }, &[Kind::Failed], Timestamp::now()).await?;
        Ok(spool.remove(id).await?)
    }
}

/// Fails every recipient that is still to be tried.
fn fail(entry: &mut Entry) {
    for status in entry.statuses_mut() {
        if matches!(status, Status::Pending(_)) {
            *status = Status::Failed(Failure::new(554, (5, 0, 0), "The administrator of the relay gave the message back"));
        }
    }
}
