//! Conditions, as Kubernetes' API conventions and kstatus want them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::Reason;

/// Longest message, in characters; the API allows 32,768 bytes.
const MAX_MESSAGE: usize = 4096;

/// The conditions of one resource in the making.
#[derive(Debug)]
pub struct Conditions<'a> {
    generation: Option<i64>,
    now: Timestamp,
    old: &'a [Condition],
    made: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// `old` are those that the resource shows now: the time of a condition changes only when its status does.
    #[must_use]
    pub fn new(generation: Option<i64>, now: Timestamp, old: &'a [Condition]) -> Self {
        Self { generation, now, old, made: Vec::new() }
    }

    /// Sets a condition to True, or to False.
    pub fn set(&mut self, type_: &str, holds: bool, reason: Reason, message: impl Into<String>) {
        self.push(type_, if holds { "True" } else { "False" }, reason, &message.into());
    }

    /// Sets a condition to Unknown.
    pub fn unknown(&mut self, type_: &str, reason: Reason, message: impl Into<String>) {
        self.push(type_, "Unknown", reason, &message.into());
    }

    fn push(&mut self, type_: &str, status: &str, reason: Reason, message: &str) {
        let before = self.old.iter().find(|old| old.type_ == type_ && old.status == status);
        self.made.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message.chars().take(MAX_MESSAGE).collect(),
            observed_generation: self.generation,
            last_transition_time: before.map_or_else(|| whole_second(self.now), |before| before.last_transition_time.clone()),
        });
    }

    /// The conditions, in the order in which they were set.
    #[must_use]
    pub fn finish(self) -> Vec<Condition> {
        self.made
    }
}

/// The API keeps whole seconds.
fn whole_second(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Whether a condition is there, and True.
pub(super) fn holds(conditions: &[Condition], type_: &str) -> bool {
    conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True")
}
