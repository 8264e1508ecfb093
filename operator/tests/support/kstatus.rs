//! What kstatus makes of a resource: the algorithm of `sigs.k8s.io/cli-utils/pkg/kstatus/status`, for kinds that it has no rules of its own for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// What tools such as `kubectl apply --wait`, Flux and Helm show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kstatus {
    InProgress,
    Failed,
    Current,
}

/// `status.Compute` of an object that is not being deleted.
pub fn kstatus(generation: Option<i64>, observed: Option<i64>, conditions: &[Condition]) -> Kstatus {
    // generic.go, checkGenericProperties: the generation first.
    if observed.is_some() && observed != generation {
        return Kstatus::InProgress;
    }
    // Then the two conditions that say it outright, in the order of the list.
    for condition in conditions {
        match (condition.type_.as_str(), condition.status.as_str()) {
            ("Reconciling", "True") => return Kstatus::InProgress,
            ("Stalled", "True") => return Kstatus::Failed,
            _ => {}
        }
    }
    // core.go, checkReadyCondition.
    match conditions.iter().find(|condition| condition.type_ == "Ready").map(|ready| ready.status.as_str()) {
        Some("True") | None => Kstatus::Current,
        Some(_) => Kstatus::InProgress,
    }
}
