//! What the fuzz targets check.

#[path = "../../proto/tests/support/naive.rs"]
mod naive;
#[path = "../../proto/tests/support/readers.rs"]
mod readers;

mod base64;
pub mod client;
pub mod commands;
pub mod content;
mod conversation;
pub mod server;
mod tape;
