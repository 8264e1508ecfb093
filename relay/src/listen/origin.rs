//! Whether a client comes with an address of its own, or with one of the cluster's.

use std::net::IpAddr;

use postern_config::RelayConfig;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Whose address a client comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its own, as far as we can tell.
    Own,
    /// One of a node, a pod or a Service of the cluster: behind SNAT, anyone may come with it.
    Cluster,
}

/// What the relay knows of the place that it runs in.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The addresses of the node that it runs on.
    pub host_addresses: Vec<IpAddr>,
}

impl Surroundings {
    /// Whose address `address` is: that of a client, or of the cluster as far as `root` knows it.
    #[must_use]
    pub fn origin(&self, address: IpAddr, root: &RelayConfig) -> Origin {
        let address = address.to_canonical();
        let is_near = self.host_addresses.contains(&address) || root.cluster_cidrs.iter().any(|network| network.contains(&address));
        if is_near { Origin::Cluster } else { Origin::Own }
    }
}

/// Sessions that came as far as MAIL, by their clients' addresses: whether clients reach the relay with their own.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    own: Counter,
    cluster: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    origin: &'static str,
}

impl Clients {
    /// Registers `postern_clients_total{origin}`: sessions that came as far as MAIL, whose client has an address of its `own` or one of the
    /// `cluster`.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let family = Family::<Label, Counter>::default();
        registry.register("postern_clients", "Sessions that came as far as MAIL, by whose address the client has", family.clone());
        let count = |origin| family.get_or_create_owned(&Label { origin });
        Self { own: count("own"), cluster: count("cluster") }
    }

    /// Those whose client has an address of its own.
    #[must_use]
    pub fn own(&self) -> u64 {
        self.own.get()
    }

    /// Those whose client has one of the cluster's.
    #[must_use]
    pub fn cluster(&self) -> u64 {
        self.cluster.get()
    }

    pub(super) fn count(&self, origin: Origin) {
        match origin {
            Origin::Own => self.own.inc(),
            Origin::Cluster => self.cluster.inc(),
        };
    }
}
