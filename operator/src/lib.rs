//! The Postern control plane.

pub mod dereference;
pub mod inventory;
pub mod issue;
pub mod material;
