use std::collections::BTreeMap;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

use super::Exposure;

/// The Service in front of the listeners of one exposure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".loadBalancerClass",
    "(has(self.type) ? self.type == 'LoadBalancer' : self.exposure != 'Cluster') || !has(self.loadBalancerClass)",
    "only a Service of type LoadBalancer has a class; remove loadBalancerClass, or change the type",
))]
#[schemars(transform = rule(
    ".loadBalancerSourceRanges",
    "(has(self.type) ? self.type == 'LoadBalancer' : self.exposure != 'Cluster') || !has(self.loadBalancerSourceRanges)",
    "only a Service of type LoadBalancer has source ranges; remove loadBalancerSourceRanges, or change the type",
))]
#[schemars(transform = rule(
    ".externalTrafficPolicy",
    "(has(self.type) ? self.type != 'ClusterIP' : self.exposure != 'Cluster') || !has(self.externalTrafficPolicy)",
    "a Service of type ClusterIP has no traffic from outside; remove externalTrafficPolicy, or change the type",
))]
pub struct Service {
    /// Which listeners the Service is for: those that are `Public`, `Private` or `Cluster`.
    pub exposure: Exposure,
    /// How the Service is reached: `LoadBalancer`, `NodePort` or `ClusterIP`. Default `LoadBalancer`, and `ClusterIP` for the exposure
    /// `Cluster`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ServiceType")]
    pub type_: Option<ServiceType>,
    /// Annotations of the Service, such as those that tell a cloud to make an internal load balancer. Up to 32; values up to 4096 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::annotations")]
    pub annotations: BTreeMap<String, String>,
    /// Which load balancer serves the Service, where there are several. Only for the type `LoadBalancer`; can't be changed once set. Default:
    /// the cluster's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::qualified_name")]
    pub load_balancer_class: Option<String>,
    /// Networks that may connect, where the load balancer can filter. Only for the type `LoadBalancer`. Up to 64 networks in CIDR notation;
    /// none: everyone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::cidrs")]
    pub load_balancer_source_ranges: Vec<IpNet>,
    /// Whether nodes pass connections on to pods of other nodes. `Local`: no, so the relay sees the clients' own addresses. `Cluster`: yes,
    /// and the relay sees the addresses of nodes, so that limits per client can't tell clients apart. Not for the type `ClusterIP`.
    /// Default `Local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ExternalTrafficPolicy")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// IPv4, IPv6 or both: `SingleStack`, `PreferDualStack` or `RequireDualStack`. Default `PreferDualStack`.
    #[serde(default)]
    pub ip_family_policy: IpFamilyPolicy,
}

impl Service {
    /// The defaults for an exposure.
    #[must_use]
    pub fn new(exposure: Exposure) -> Self {
        Self {
            exposure,
            type_: None,
            annotations: BTreeMap::new(),
            load_balancer_class: None,
            load_balancer_source_ranges: Vec::new(),
            external_traffic_policy: None,
            ip_family_policy: IpFamilyPolicy::default(),
        }
    }

    /// The type that is in force.
    #[must_use]
    pub fn service_type(&self) -> ServiceType {
        self.type_.unwrap_or(match self.exposure {
            Exposure::Public | Exposure::Private => ServiceType::LoadBalancer,
            Exposure::Cluster => ServiceType::ClusterIP,
        })
    }

    /// The traffic policy that is in force; none where it means nothing.
    #[must_use]
    pub fn traffic_policy(&self) -> Option<ExternalTrafficPolicy> {
        match self.service_type() {
            ServiceType::LoadBalancer | ServiceType::NodePort => Some(self.external_traffic_policy.unwrap_or_default()),
            ServiceType::ClusterIP => None,
        }
    }
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// By an address of a load balancer.
    LoadBalancer,
    /// By a port of every node.
    NodePort,
    /// From inside the cluster.
    ClusterIP,
}

/// Whether nodes pass connections on to pods of other nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// No: the client's address is kept.
    #[default]
    Local,
    /// Yes: the client's address is lost.
    Cluster,
}

/// Which IP families a Service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilyPolicy {
    /// One.
    SingleStack,
    /// Both where the cluster has both.
    #[default]
    PreferDualStack,
    /// Both.
    RequireDualStack,
}
