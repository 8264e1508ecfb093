//! The protocol of leases and hand-over, checked in every order of events for small cases: a message that was acknowledged is in a queue, or
//! delivered, and never in neither; it is delivered more than once only where an accident was; and it can always still be delivered.
//!
//! Each model is also checked with a flaw in it, which must be found: else the check would see nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "functions that tests share are tests too")]

mod check;
mod handover;
mod leases;
