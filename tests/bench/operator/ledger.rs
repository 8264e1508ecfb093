//! What the operator asked of the API server, from the audit log.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use postern_tests::cluster::{Cluster, release::Release};

/// Reads what one user did.
pub(crate) struct Ledger<'a> {
    cluster: &'a Cluster,
    user: String,
}

/// Requests of some time, without those about the lease.
#[derive(Default)]
pub(crate) struct Requests {
    /// Reads: no watches, and no writes.
    pub(crate) reads: usize,
    /// Writes by what was written.
    pub(crate) writes: BTreeMap<String, usize>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(cluster: &'a Cluster, release: &Release) -> Self {
        Self { cluster, user: release.user() }
    }

    /// What was asked since a moment. Fails when a right was missing, for then it is no benchmark of what the chart installs.
    pub(crate) fn since(&self, begin: Timestamp) -> Result<Requests> {
        let mut requests = Requests::default();
        for entry in self.cluster.audit()? {
            let is_meant = entry.user.username == self.user && entry.request_received_timestamp >= begin && !entry.is_about("leases");
            let Some(object) = entry.object_ref.as_ref().filter(|_| is_meant) else { continue };
            let is_optional = ["nodes", "servicecidrs"].contains(&object.resource.as_str());
            ensure!(entry.code() != 403 || is_optional, "refused: {} {}", entry.verb, entry.request_uri);
            if entry.is_write() {
                let slash = if object.subresource.is_empty() { "" } else { "/" };
                *requests.writes.entry(format!("{}{slash}{}", object.resource, object.subresource)).or_default() += 1;
            } else if entry.verb != "watch" {
                requests.reads += 1;
            }
        }
        Ok(requests)
    }
}

impl Requests {
    /// All writes.
    pub(crate) fn written(&self) -> usize {
        self.writes.values().sum()
    }
}
