//! Whether clients arrive with their own addresses.

use postern_crds::{
    SmtpRelay,
    condition::types,
    smtp_relay::{Exposure, ExternalTrafficPolicy, Listener},
};
use serde::Deserialize;

use super::{Conditions, Reason};
use crate::validate::Validated;

/// How many sessions of mail the pods saw, by where the clients' addresses are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Clients {
    /// From outside the cluster.
    pub own: u64,
    /// From addresses of nodes, pods and Services.
    pub cluster: u64,
}

impl std::iter::Sum for Clients {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            own: sum.own.saturating_add(one.own),
            cluster: sum.cluster.saturating_add(one.cluster),
        })
    }
}

/// Sets the condition. Its texts hold no counts: a status that changes with every mail would be written with every mail.
pub(super) fn preserved(conditions: &mut Conditions<'_>, relay: &SmtpRelay, validated: Option<&Validated<'_>>, seen: Clients) {
    let type_ = types::CLIENT_ADDRESS_PRESERVED;
    let knows_ranges = validated.is_some_and(|validated| !validated.configuration.root.cluster_cidrs.is_empty());
    if let Some(listener) = relay.spec.listeners.iter().find(|listener| hides_clients(relay, listener)) {
        let message = format!(
            "spec.services[{:?}].externalTrafficPolicy: Cluster lets nodes hide the addresses of clients of listener {}, so limits per client can't tell them apart; make it Local, or put a load balancer in front that speaks the PROXY protocol",
            listener.exposure(),
            listener.name
        );
        conditions.set(type_, false, Reason::ExternalTrafficPolicyCluster, message);
    } else if relay.spec.listeners.iter().all(|listener| listener.exposure() == Exposure::Cluster) {
        conditions.set(type_, true, Reason::Preserved, "clients are pods of the cluster, which arrive with their own addresses");
    } else if seen == Clients::default() {
        conditions.unknown(type_, Reason::NoClientsYet, "no client has sent mail yet, so nobody can tell");
    } else if seen.own == 0 {
        let message = "every client so far came from an address of a node or a pod; if they are outside of the cluster, something in front of the pods hides them: see that the load balancer keeps addresses, or speaks the PROXY protocol";
        conditions.set(type_, false, Reason::ClientsArriveThroughNodes, message);
    } else if knows_ranges {
        conditions.set(type_, true, Reason::Preserved, "");
    } else {
        let message =
            "the addresses of nodes and pods are not known; let the operator read Nodes, or name them in the chart's value `clusterCIDRs`";
        conditions.unknown(type_, Reason::RangesUnknown, message);
    }
}

fn hides_clients(relay: &SmtpRelay, listener: &Listener) -> bool {
    let policy = relay.spec.service(listener.exposure()).traffic_policy();
    listener.proxy_protocol.is_none() && policy == Some(ExternalTrafficPolicy::Cluster)
}
