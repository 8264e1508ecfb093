//! Finds the servers of a domain by DNS (RFC 5321 section 5): its exchangers, and where they are.
//!
//! Whoever owns a domain writes what is read here, so nothing of it is trusted: exchangers and addresses are bounded, and none may lead
//! into the cluster ([`guard`]) or back to this relay ([`exchanger::before_us`]).

mod exchanger;
mod global;
mod guard;
mod look_up;
mod plan;
mod waiver;

pub(super) use guard::Guard;
pub(super) use plan::{Plan, is_bound_here};
pub(super) use waiver::Waiver;
