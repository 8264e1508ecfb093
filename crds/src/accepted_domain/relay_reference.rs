use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A relay. One of another namespace takes the domain if its `allowedDomains` say so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RelayReference {
    /// Name of the SmtpRelay.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Its namespace. In another one than the domain's own, the relay's `allowedDomains` must let the domain in. Default: the domain's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::schema::namespace_key")]
    pub namespace: String,
}
