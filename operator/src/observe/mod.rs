//! What the pods of relays do: tells them that their configuration changed, and asks them which they run.

mod answer;
mod ask;
mod attendant;
mod gather;
mod observer;
mod pace;

pub use answer::{Answer, Refusal};
pub use ask::AskError;
pub use gather::gather;
pub use observer::Observer;
pub use pace::{Memory, Step};

use std::fmt;

use crate::cluster::PodFacts;

/// What pods should run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The hash of the configuration.
    pub configuration: String,
    /// That of the keys, certificates and CAs that go with it, which are renewed on their own.
    pub material: String,
}

/// As pods are told of it.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.configuration, self.material)
    }
}

/// The pods of a relay, and what they should run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// What they should run; nothing when the relay gives no configuration, and what they run is as good as can be.
    pub wanted: Option<Wanted>,
    /// The pods.
    pub pods: Vec<PodFacts>,
}
