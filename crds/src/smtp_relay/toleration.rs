use k8s_openapi::api::core::v1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// Taints of nodes that a pod puts up with; as in a pod, but refused here when it could never be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".value",
    "self.operator == 'Equal' || !has(self.value)",
    "Exists asks for no value; remove value, or set operator to Equal",
))]
#[schemars(transform = rule(
    ".key",
    "self.operator == 'Exists' || has(self.key)",
    "Equal compares the value of a key; set key, or set operator to Exists to match every taint",
))]
#[schemars(transform = rule(
    ".tolerationSeconds",
    "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    "only the effect NoExecute ends after a time; set effect to NoExecute, or remove tolerationSeconds",
))]
pub struct Toleration {
    /// The taint's key. None, with `operator: Exists`: every taint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::qualified_name")]
    pub key: Option<String>,
    /// `Equal`: the taint has this value. `Exists`: any value. Default `Equal`.
    pub operator: TolerationOperator,
    /// The taint's value, for the operator `Equal`. Default: an empty one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::label_value")]
    pub value: Option<String>,
    /// The taint's effect: `NoSchedule`, `PreferNoSchedule` or `NoExecute`. None: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TolerationEffect")]
    pub effect: Option<TolerationEffect>,
    /// How long a pod stays on a node after a `NoExecute` taint came. None: for ever. 0 to 2592000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_592_000))]
    pub toleration_seconds: Option<i64>,
}

/// How a toleration compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TolerationOperator {
    /// Key and value are equal.
    #[default]
    Equal,
    /// The key is there.
    Exists,
}

/// What a taint does to pods that don't tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TolerationEffect {
    /// No new pod comes.
    NoSchedule,
    /// A new pod comes only if there is no other place.
    PreferNoSchedule,
    /// No new pod comes, and running ones leave.
    NoExecute,
}

impl From<&Toleration> for v1::Toleration {
    fn from(toleration: &Toleration) -> Self {
        let operator = match toleration.operator {
            TolerationOperator::Equal => "Equal",
            TolerationOperator::Exists => "Exists",
        };
        let effect = toleration.effect.map(|effect| match effect {
            TolerationEffect::NoSchedule => "NoSchedule",
            TolerationEffect::PreferNoSchedule => "PreferNoSchedule",
            TolerationEffect::NoExecute => "NoExecute",
        });
        Self {
            key: toleration.key.clone(),
            operator: Some(operator.to_owned()),
            value: toleration.value.clone(),
            effect: effect.map(str::to_owned),
            toleration_seconds: toleration.toleration_seconds,
        }
    }
}
