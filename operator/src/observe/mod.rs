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

use crate::cluster::PodFacts;

/// The pods of a relay, and what they should run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The hash of the configuration that they should run; nothing when the relay gives none, and what they run is as good as can be.
    pub wanted: Option<String>,
    /// The pods.
    pub pods: Vec<PodFacts>,
}
