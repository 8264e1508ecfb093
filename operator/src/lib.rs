//! The control plane: turns relays and their domains into what runs.
//!
//! The pipeline is `dereference → validate → build → apply → status`, one module for each step. Building is pure: keys and the time come in
//! as arguments. Front ends feed it: [`render`] prints what it builds, [`standalone`] runs a relay on it without a cluster.

pub mod build;
pub mod dereference;
pub mod files;
pub mod inventory;
pub mod issue;
pub mod kind;
pub mod manifest;
pub mod material;
pub mod reference_grant;
pub mod render;
pub mod standalone;
pub mod status;
pub mod validate;
