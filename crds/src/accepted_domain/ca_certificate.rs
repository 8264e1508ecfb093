use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CA certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct CaCertificateReference {
    /// `ConfigMap` or `Secret`. Default `ConfigMap`.
    #[serde(default)]
    pub kind: CaCertificateKind,
    /// Name of the ConfigMap or Secret.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Its namespace. Another one than the resource's own needs a `ReferenceGrant` there. Default: the resource's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::schema::namespace_key")]
    pub namespace: String,
    /// The key whose value holds the certificates, in PEM. Default `ca.crt`.
    #[serde(default = "default_key")]
    #[schemars(schema_with = "crate::schema::data_key")]
    pub key: String,
}

fn default_key() -> String {
    "ca.crt".to_owned()
}

/// What holds CA certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CaCertificateKind {
    /// A ConfigMap.
    #[default]
    ConfigMap,
    /// A Secret.
    Secret,
}
