//! The engine in a database promises what every engine promises.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::sync::Arc;

use common::{clocked::Clocked, database::Database};

async fn in_a_database() -> (Clocked, Arc<Database>) {
    let database = Arc::new(Database::new().await);
    (Clocked::new(database.clone()).await, database)
}

suite! { in_a_database }
