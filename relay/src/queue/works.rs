//! What all deliveries share.

use std::sync::Arc;

use postern_config::Spool as Rules;
use postern_spool::Spool;
use tokio_util::sync::CancellationToken;

use super::{Metrics, sites::Bounds, sites::Sites};
use crate::{
    delivery::Outbound,
    snapshot::{self, Snapshot},
};

/// What all deliveries share.
pub(super) struct Works<S: Spool> {
    pub(super) spool: S,
    pub(super) outbound: Outbound,
    pub(super) configuration: Arc<snapshot::Store>,
    pub(super) sites: Sites,
    pub(super) metrics: Metrics,
    /// No delivery is begun any more.
    pub(super) ending: CancellationToken,
    /// What counts when the configuration has no queue any more, and there is mail in it still.
    pub(super) last_rules: Rules,
}

/// The configuration of one message's deliveries.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) rules: Rules,
}

impl<S: Spool> Works<S> {
    /// The newest configuration; `None` before there is one.
    pub(super) fn setting(&self) -> Option<Setting> {
        let snapshot = self.configuration.snapshot()?;
        let rules = snapshot.configuration.root.spool.clone().unwrap_or_else(|| self.last_rules.clone());
        Some(Setting { snapshot, rules })
    }
}

impl Setting {
    pub(super) fn bounds(&self) -> Bounds {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Bounds { deliveries: count(self.rules.deliveries), per_site: count(self.rules.deliveries_per_destination), times: self.rules.retry }
    }

    /// The relay's name.
    pub(super) fn host(&self) -> &str {
        self.snapshot.configuration.root.hostname.as_str()
    }
}
