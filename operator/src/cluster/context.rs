use std::sync::Arc;

use ipnet::IpNet;

use super::{Permits, World};
use crate::{build::Settings, reconcile::Desk};

/// What a reconcile works with.
#[derive(Clone)]
pub struct Context {
    /// What is known of the cluster.
    pub world: Arc<World>,
    /// The right to write; to be taken anew before each write.
    pub permits: Permits,
    /// What the operator itself brings into the build.
    pub settings: Settings,
    /// Addresses of nodes, pods and Services that the command line names, beside those that the cluster tells.
    pub cluster_cidrs: Vec<IpNet>,
    /// What reconciles keep from one to the next.
    pub desk: Arc<Desk>,
}
