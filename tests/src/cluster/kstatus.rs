//! What tools that wait for resources make of one: the rules of kstatus for kinds that it does not know, as published with
//! `sigs.k8s.io/cli-utils`. Flux, Argo CD, kpt and others follow them.

use serde_json::Value;

/// What a tool that waits would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being deleted.
    Terminating,
    /// The controller has not come to this generation, or is at work.
    InProgress,
    /// The controller can't get on without a change by a person.
    Failed,
    /// It is as it should be.
    Current,
}

/// The status of an object of a custom kind.
#[must_use]
pub fn of(object: &Value) -> Status {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Status::Terminating;
    }
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && *observed != object["metadata"]["generation"] {
        return Status::InProgress;
    }
    // In the order in which they stand, as there.
    for condition in conditions(object) {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Status::InProgress,
            (Some("Stalled"), Some("True")) => return Status::Failed,
            _ => {}
        }
    }
    match conditions(object).find(|condition| condition["type"] == "Ready") {
        Some(ready) if ready["status"] != "True" => Status::InProgress,
        // What says nothing counts as current.
        _ => Status::Current,
    }
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}
