//! The Postern control plane.

pub mod build;
pub mod dereference;
pub mod inventory;
pub mod issue;
pub mod material;
pub mod validate;
