//! Who may send what to whom. Pure: no I/O.
//!
//! [`decide`] is the only place where a recipient is found to be relayed. Everything that relays asks it, and the open-relay matrix drives
//! it through real sessions before a configuration is used.

mod decide;
mod domains;
mod identity;
mod refusal;
mod routes;
mod senders;
mod trust;

pub use decide::{Decision, Queued, Request, Route, decide, may_send, route_queued};
pub use domains::{AcceptedDomain, Handling, Label, Policy, Way};
pub use identity::{Identity, Origin};
pub use refusal::Refusal;
pub use routes::Routes;
pub use senders::Senders;
pub use trust::{Credentials, Trust};
