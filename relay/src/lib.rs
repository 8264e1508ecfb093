//! The data plane: takes mail for accepted domains and hands it on.

pub mod admin;
pub mod auth;
pub mod delivery;
mod doubling;
pub mod filter;
pub mod handover;
pub mod intake;
pub mod listen;
pub mod log;
pub mod message;
pub mod open_files;
pub mod policy;
pub mod probe;
pub mod proof;
pub mod queue;
pub mod queue_tools;
mod rate;
pub mod reload;
pub mod session;
pub mod snapshot;
pub mod storage;
pub mod tls;
