use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a pod ends: it goes on while the cluster forgets its address, then takes no more connections, and finishes what it has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Termination {
    /// How long, in seconds, a pod that is told to end still takes connections, since load balancers learn of it late. Default 15; 0 to 120.
    #[schemars(range(min = 0, max = 120))]
    pub drain_delay_seconds: i32,
    /// How long, in seconds, it then has for the transactions that run; after that they are cut off. Default 600; 30 to 3600.
    #[schemars(range(min = 30, max = 3600))]
    pub grace_period_seconds: i32,
}

impl Default for Termination {
    fn default() -> Self {
        Self { drain_delay_seconds: 15, grace_period_seconds: 600 }
    }
}
