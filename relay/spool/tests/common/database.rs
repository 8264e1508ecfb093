//! A database for a test, on a real server.

use std::sync::Arc;

use postern_spool::{
    MessageId, Postgres,
    postgres::{Settings, Tls},
};
use postern_tests::postgres;

/// A database of its own on the server that all tests of this program share.
pub struct Database {
    server: Arc<postgres::Postgres>,
    name: String,
}

impl Database {
    pub async fn new() -> Self {
        let server = postgres::Postgres::shared().await.unwrap();
        let name = MessageId::new().to_string();
        server.create(&name).unwrap();
        Self { server, name }
    }

    pub fn settings(&self) -> Settings {
        settings(&self.server, &self.name)
    }

    pub async fn open(&self) -> Postgres {
        Postgres::open(self.settings()).await.unwrap()
    }

    pub fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql).unwrap()
    }
}

/// What leads to a database on `server`.
pub fn settings(server: &postgres::Postgres, database: &str) -> Settings {
    Settings {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        database: database.to_owned(),
        username: postgres::ROLE.to_owned(),
        password: String::new(),
        tls: Tls::Clear,
        connections: 5,
        queue: "mail/relay".to_owned(),
        worker: "relay-0".to_owned(),
        quota_bytes: None,
    }
}
