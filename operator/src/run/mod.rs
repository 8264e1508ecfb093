//! The controller: follows the cluster's resources and brings relays to what they say.

mod options;

pub use options::Options;
