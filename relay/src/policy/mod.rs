//! Who may send what to whom. Pure: no I/O.
//!
//! [`decide`] is the only place where a recipient is found to be relayed. Everything that relays asks it, and the open-relay matrix drives
//! it through real sessions before a configuration is used.

mod decide;
mod domains;
mod refusal;

pub use decide::{Decision, Request, Route, decide};
pub use domains::{AcceptedDomain, Handling, Policy};
pub use refusal::Refusal;
