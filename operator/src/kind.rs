//! The kinds of objects that a relay consists of.

use std::fmt;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::{ConfigMap, Secret, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::core::{ApiResource, GroupVersionKind};

/// A kind of object that a relay consists of, in the order in which they are applied: what others refer to first, the workload last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A certificate that cert-manager makes (`cert-manager.io/v1`); its API may be absent.
    Certificate,
    /// Certificates, keys and CAs.
    Secret,
    /// Configuration.
    ConfigMap,
    /// Who the pods are.
    ServiceAccount,
    /// Who may reach the pods, and whom they may reach.
    NetworkPolicy,
    /// Where clients reach the listeners.
    Service,
    /// How many pods may be missing at once.
    PodDisruptionBudget,
    /// The pods.
    Deployment,
    /// The pods, where each has a volume of its own.
    StatefulSet,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Certificate,
        Self::Secret,
        Self::ConfigMap,
        Self::ServiceAccount,
        Self::NetworkPolicy,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::StatefulSet,
    ];

    /// Whether it is what makes the pods.
    #[must_use]
    pub fn is_workload(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet)
    }

    /// As manifests write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "Certificate",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::ServiceAccount => "ServiceAccount",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }

    /// Where the API serves it.
    #[must_use]
    pub fn api_resource(self) -> ApiResource {
        match self {
            Self::Certificate => {
                ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"), "certificates")
            }
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
