use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who can reach a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Exposure {
    /// The Internet.
    #[default]
    Public,
    /// Networks of your own, outside the cluster.
    Private,
    /// Pods of the cluster.
    Cluster,
}
