//! How many pods a drain of nodes may take at once.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::names::Names;

/// `maxUnavailable`, not `minAvailable`: a relay with one replica must not keep its node from being drained for ever.
pub(super) fn build(names: &Names) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: names.metadata(&names.workload()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(names.selector()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
