//! Brings one relay, or the status of one domain, to what its resource says: the pipeline `dereference → validate → build → apply → status`, on
//! what is known of the cluster.

mod desk;
mod domain;
mod error;
mod issued;
mod keyring;
mod relay;
mod trouble;
mod unreadable;
mod volumes;

use std::time::Duration;

pub use desk::Desk;
pub use domain::reconcile_domain;
pub use error::ReconcileError;
pub use keyring::{Authorities, Keyring, KeyringError};
pub use relay::reconcile_relay;

/// How a reconcile ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing is left to do until something changes.
    Settled,
    /// To be looked at again after this time even if nothing changes.
    In(Duration),
}
