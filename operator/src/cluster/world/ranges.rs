//! Addresses of nodes, pods and Services.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use k8s_openapi::api::{core::v1::Node, networking::v1::ServiceCIDR};

/// What nodes and `ServiceCIDRs` say of the cluster's addresses.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    by_source: BTreeMap<(Origin, String), Vec<IpNet>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Node,
    Services,
}

impl Ranges {
    /// Takes what an object says. Says whether the ranges changed.
    pub(super) fn put(&mut self, origin: Origin, name: &str, ranges: Vec<IpNet>) -> bool {
        let before = self.by_source.insert((origin, name.to_owned()), ranges);
        before.as_ref() != self.by_source.get(&(origin, name.to_owned()))
    }

    pub(super) fn remove(&mut self, origin: Origin, name: &str) -> bool {
        self.by_source.remove(&(origin, name.to_owned())).is_some()
    }

    pub(super) fn names(&self, origin: Origin) -> Vec<String> {
        self.by_source.keys().filter(|(of, _)| *of == origin).map(|(_, name)| name.clone()).collect()
    }

    /// Everything, with neighbours joined.
    pub(super) fn all(&self) -> Vec<IpNet> {
        let ranges: BTreeSet<IpNet> = self.by_source.values().flatten().copied().collect();
        IpNet::aggregate(&ranges.into_iter().collect())
    }
}

/// The node's own addresses, and those of its pods.
pub(super) fn of_node(node: &Node) -> Vec<IpNet> {
    let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
    let own = addresses
        .filter(|address| address.type_.ends_with("IP"))
        .filter_map(|address| address.address.parse::<IpAddr>().ok())
        .map(IpNet::from);
    let pods = node.spec.iter().flat_map(|spec| spec.pod_cidrs.iter().flatten()).filter_map(|range| range.parse().ok());
    own.chain(pods).collect()
}

/// The addresses of Services.
pub(super) fn of_services(range: &ServiceCIDR) -> Vec<IpNet> {
    range.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten()).filter_map(|range| range.parse().ok()).collect()
}
