//! The Postern control plane.

pub mod issue;
pub mod material;
