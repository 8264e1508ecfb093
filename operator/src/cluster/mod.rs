//! The cluster as the operator sees it, and as it may change it.
//!
//! [`world`] is everything that is known, [`queue`] what is to be looked at because of it, [`permit`] the right to write.

mod backoff;
pub mod child;
mod context;
pub mod permit;
pub mod pod;
pub mod queue;
mod version;
pub mod world;

pub use child::Child;
pub use context::Context;
pub use permit::{Permit, Permits, WriteError};
pub use pod::PodFacts;
pub use world::World;
