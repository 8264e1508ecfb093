//! The server's side of a session (RFC 5321) as a state machine: bytes go in, replies and [`Step`]s come out.

mod auth;
mod commands;
mod content;
mod input;
mod machine;
mod mechanism;
mod output;
mod patience;
mod replies;
mod session;
mod settings;
mod state;
mod step;

pub use mechanism::{Mechanism, Mechanisms};
pub use session::Session;
pub use settings::{AuthOffer, Offer, Settings, TlsOffer};
pub use step::{AuthBegin, Expect, Step, Turn};
