//! References to objects.
//!
//! A reference without a namespace is to the namespace of the resource that refers. One to another namespace counts only while a
//! `ReferenceGrant` there permits it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SecretReference {
    /// Name of the Secret.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Its namespace. Another one than the resource's own needs a `ReferenceGrant` there. Default: the resource's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::schema::namespace")]
    pub namespace: String,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LocalSecretReference {
    /// Name of the Secret.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ServiceReference {
    /// Name of the Service.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
    /// Its namespace. Another one than the resource's own needs a `ReferenceGrant` there. Default: the resource's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::schema::namespace")]
    pub namespace: String,
}
