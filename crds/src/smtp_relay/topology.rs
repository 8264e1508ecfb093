use k8s_openapi::{api::core::v1, apimachinery::pkg::apis::meta::v1::LabelSelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How evenly the relay's pods are spread. As in a pod, without a selector: it is always about the pods of this relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpreadConstraint {
    /// The label of nodes whose values are the places to spread over, such as `topology.kubernetes.io/zone`.
    #[schemars(schema_with = "crate::schema::qualified_name")]
    pub topology_key: String,
    /// By how many pods two places may differ. Default 1; 1 to 100.
    #[serde(default = "default_max_skew")]
    #[schemars(range(min = 1, max = 100))]
    pub max_skew: i32,
    /// What happens to a pod that can't be placed so: it waits (`DoNotSchedule`), or comes anyway (`ScheduleAnyway`). Default
    /// `ScheduleAnyway`.
    #[serde(default)]
    pub when_unsatisfiable: WhenUnsatisfiable,
}

fn default_max_skew() -> i32 {
    1
}

/// What happens to a pod that can't be placed evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum WhenUnsatisfiable {
    /// It waits.
    DoNotSchedule,
    /// It comes anyway.
    #[default]
    ScheduleAnyway,
}

impl TopologySpreadConstraint {
    /// The constraint of a pod, about the pods that `selector` selects.
    #[must_use]
    pub fn for_pods(&self, selector: LabelSelector) -> v1::TopologySpreadConstraint {
        let when_unsatisfiable = match self.when_unsatisfiable {
            WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
            WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
        };
        v1::TopologySpreadConstraint {
            label_selector: Some(selector),
            max_skew: self.max_skew,
            topology_key: self.topology_key.clone(),
            when_unsatisfiable: when_unsatisfiable.to_owned(),
            ..Default::default()
        }
    }
}
