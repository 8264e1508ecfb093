use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ListReference {
    /// `ConfigMap`. Default `ConfigMap`.
    #[serde(default)]
    pub kind: ListKind,
    /// Name of the ConfigMap.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
    /// Its namespace. Another one than the resource's own needs a `ReferenceGrant` there. Default: the resource's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(schema_with = "crate::schema::namespace")]
    pub namespace: String,
    /// The key whose value holds the mailboxes, one a line; empty lines and those that begin with `#` are skipped. Default `recipients`.
    #[serde(default = "default_key")]
    #[schemars(schema_with = "crate::schema::data_key")]
    pub key: String,
}

fn default_key() -> String {
    "recipients".to_owned()
}

/// What holds a list of mailboxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ListKind {
    /// A ConfigMap.
    #[default]
    ConfigMap,
}
