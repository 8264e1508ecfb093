//! How many pods may be missing at once when nodes are emptied.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::util::intstr::IntOrString,
};
use postern_crds::SmtpRelay;

use super::metadata::{child, selector};

pub(super) fn build(relay: &SmtpRelay) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: child(relay, "relay"),
        spec: Some(PodDisruptionBudgetSpec {
            // Not minAvailable: with one replica that would keep its node from ever being emptied.
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(relay)),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
