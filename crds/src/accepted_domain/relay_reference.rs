use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A relay in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RelayReference {
    /// Name of the SmtpRelay.
    #[schemars(schema_with = "crate::schema::object_name")]
    pub name: String,
}
