//! Last step: shows what came of a resource where people look for it: its status, and events.

mod addresses;
mod board;
mod merge;
mod recorder;
mod status;

pub use addresses::addresses;
pub use board::{Board, Outcome, Verdict};
pub use recorder::Recorder;
pub use status::Statuses;
