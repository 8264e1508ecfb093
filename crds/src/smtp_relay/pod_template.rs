use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{keyed_by, rule};

use super::{Resources, Toleration, TopologySpreadConstraint};
use crate::reference::LocalSecretReference;

/// What pods get beyond what the operator sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".labels",
    "!has(self.labels) || self.labels.all(key, !key.startsWith('postern.dev/') && !key.startsWith('app.kubernetes.io/'))",
    "labels of postern.dev and app.kubernetes.io are the operator's; take another prefix",
))]
#[schemars(transform = rule(
    ".annotations",
    "!has(self.annotations) || self.annotations.all(key, !key.startsWith('postern.dev/'))",
    "annotations of postern.dev are the operator's; take another prefix",
))]
pub struct PodTemplate {
    /// Labels that the pods get too. Up to 32.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Annotations that the pods get too. Up to 32; values up to 4096 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::annotations")]
    pub annotations: BTreeMap<String, String>,
    /// Labels that a node must have to run a pod. Up to 32.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pods put up with. Up to 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tolerations: Vec<Toleration>,
    /// CPU, memory and local storage that a pod asks for, and may take at most. The scratch volume counts as `ephemeral-storage`, the memory
    /// for messages (`limits.memoryBytes`) as `memory`. Default: what the limits of the relay need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How pods are spread over the nodes, zones and so on. Up to 8. Default: over nodes, as far as possible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[schemars(transform = keyed_by(&["topologyKey", "whenUnsatisfiable"]))]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// The `PriorityClass` of the pods. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::object_name")]
    pub priority_class_name: Option<String>,
    /// Secrets with credentials for the registry that holds the image. Up to 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub image_pull_secrets: Vec<LocalSecretReference>,
}
