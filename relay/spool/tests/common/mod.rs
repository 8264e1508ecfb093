//! Messages, and what tests do with them; a disk that forgets, a database whose clock is set; and the suite that every engine passes.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "functions that tests share are tests too"
)]

pub mod clocked;
pub mod database;
pub mod folder;
pub mod ledger;
pub mod machine;
pub mod mail;
pub mod suite;
