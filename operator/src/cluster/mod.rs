//! The cluster as the operator sees it, and as it may change it.
//!
//! Watches ([`streams`]) tell what is; [`world`] is everything that is known; [`queue`] is what is to be looked at because of it; [`permit`] is the
//! right to write, which comes from the [`lease`]. [`health`] tells how all of that gets on.

mod backoff;
pub mod child;
mod context;
pub mod fetch;
pub mod health;
pub mod lease;
pub mod liveness;
pub mod metrics;
pub mod permit;
pub mod pod;
pub mod queue;
pub mod streams;
mod version;
mod watch;
pub mod world;

pub use child::Child;
pub use context::Context;
pub use permit::{Permit, Permits, WriteError};
pub use pod::PodFacts;
pub use world::World;
