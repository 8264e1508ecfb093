//! `ReferenceGrant` of the Gateway API: a namespace's consent that others refer to objects in it.
//!
//! Only what the operator reads of it; the whole type is the Gateway API's (GEP-709).

use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// Who may refer to what in the grant's namespace.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "gateway.networking.k8s.io",
    version = "v1beta1",
    kind = "ReferenceGrant",
    plural = "referencegrants",
    namespaced,
    schema = "disabled",
    derive = "PartialEq"
)]
pub struct ReferenceGrantSpec {
    /// Resources that may refer; any of them.
    #[serde(default)]
    pub from: Vec<GrantFrom>,
    /// What they may refer to; any of them.
    #[serde(default)]
    pub to: Vec<GrantTo>,
}

/// Resources of one kind in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantFrom {
    /// Their API group.
    pub group: String,
    /// Their kind.
    pub kind: String,
    /// Their namespace.
    pub namespace: String,
}

/// Objects of one kind in the grant's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTo {
    /// Their API group, empty for the core.
    pub group: String,
    /// Their kind.
    pub kind: String,
    /// The only object that is meant; none means all.
    #[serde(default)]
    pub name: Option<String>,
}
