//! The control plane: turns relays and their domains into what runs.
//!
//! The pipeline is `dereference → validate → build → apply → status`, one module for each step. Building is pure: keys and the time come in
//! as arguments. Front ends feed it: [`run`] applies what it builds to a cluster, [`render`] prints it, [`standalone`] runs a relay on it without a
//! cluster.

pub mod apply;
pub mod build;
pub mod cluster;
pub mod dereference;
pub mod files;
pub mod inventory;
pub mod issue;
pub mod kind;
pub mod labels;
pub mod manifest;
pub mod material;
pub mod observe;
pub mod publish;
mod quantity;
pub mod reconcile;
pub mod reference_grant;
pub mod references;
pub mod render;
pub mod run;
pub mod salvage;
pub mod standalone;
pub mod status;
pub mod validate;
