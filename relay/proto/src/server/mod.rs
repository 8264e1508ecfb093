//! The server's side of a session (RFC 5321) as a state machine: bytes go in, replies and [`Step`]s come out.

mod commands;
mod content;
mod input;
mod machine;
mod output;
mod patience;
mod replies;
mod session;
mod settings;
mod state;
mod step;

pub use session::Session;
pub use settings::{Offer, Settings, TlsOffer};
pub use step::{Expect, Step, Turn};
