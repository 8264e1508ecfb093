//! What the resources are like, counted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use postern_crds::condition::types;

use crate::inventory::Key;

/// What a resource's status says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Mail flows.
    Ready,
    /// A change is being carried out.
    Reconciling,
    /// Somebody has to mend the resource.
    Stalled,
    /// None of these, or no status yet.
    Other,
    /// It does not have the form of its kind.
    Unreadable,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Reconciling, Self::Stalled, Self::Other, Self::Unreadable];

    /// For metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Reconciling => "reconciling",
            Self::Stalled => "stalled",
            Self::Other => "other",
            Self::Unreadable => "unreadable",
        }
    }

    /// The first of these that conditions say: what a person has to mend comes before what goes on by itself.
    pub(super) fn of(conditions: Option<&[Condition]>) -> Self {
        let Some(conditions) = conditions else { return Self::Other };
        let is_true = |type_: &str| conditions.iter().any(|condition| condition.type_ == type_ && condition.status == "True");
        if is_true(types::STALLED) {
            Self::Stalled
        } else if is_true(types::RECONCILING) {
            Self::Reconciling
        } else if is_true(types::READY) {
            Self::Ready
        } else {
            Self::Other
        }
    }
}

/// What the resources are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Relays by state.
    pub relays: BTreeMap<State, usize>,
    /// Domains by state.
    pub domains: BTreeMap<State, usize>,
    /// Relays, the Secrets of their certificates, and when these end.
    pub certificates: Vec<(Key, String, Timestamp)>,
    /// Writes since the start, by kind.
    pub writes: BTreeMap<&'static str, u64>,
}
