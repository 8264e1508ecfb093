//! Where mail waits that is not yet delivered, and for how long.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The queue of a relay with a listener whose delivery is [`Spool`](crate::Delivery::Spool).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spool {
    /// Where it lies. A change counts from the next start.
    pub storage: Storage,
    /// When what could not be delivered is tried again.
    pub retry: RetryTimes,
    /// How long a message is tried, in seconds; then its sender gets it back. 3600 to 2592000.
    pub lifetime_seconds: u32,
    /// After how many seconds the sender is told that a message is still waiting; never when absent. 60 to 2592000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_warning_seconds: Option<u32>,
    /// Deliveries that one pod makes at once. 1 to 10000.
    pub deliveries: u32,
    /// Deliveries that one pod makes at once to one destination: a route's smart hosts, or the exchangers of one domain. 1 to 1000.
    pub deliveries_per_destination: u32,
}

/// Where the queue lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Storage {
    /// In a folder of the pod's own, which the command line names.
    Directory {
        /// Whether the folder outlives the pod.
        durable: bool,
        /// Bytes that it may take; four fifths of the volume when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quota_bytes: Option<u64>,
    },
    /// In a database that all pods of the relay share.
    Postgres {
        /// Name of the database's address and credentials ([`database_file`](crate::material::database_file)).
        database: String,
        /// Connections that one pod keeps at most. 2 to 100.
        connections: u32,
    },
}

/// When what could not be delivered is tried again: each time the wait doubles, give or take a fifth, up to a longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryTimes {
    /// Seconds until the second attempt. 1 to 86400.
    pub first_seconds: u32,
    /// The longest wait in seconds; not below the first. Up to 86400.
    pub longest_seconds: u32,
}

/// Where a PostgreSQL database is, and how the relay logs in: the content of a database file ([`database_file`](crate::material::database_file)).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Host name or IP address.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// The role that the relay logs in as.
    pub username: String,
    /// Its password; empty where the server wants none.
    pub password: String,
    /// What TLS to the server must give.
    pub tls: DatabaseTls,
    /// CA certificates that the server's must come from, PEM; the system's roots when absent.
    #[serde(default, rename = "caCertificates", skip_serializing_if = "Option::is_none")]
    pub ca_certificates: Option<String>,
}

/// How much TLS the link to a database must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DatabaseTls {
    /// TLS, and a certificate for the host from a trusted CA.
    Verify,
    /// TLS with any certificate.
    Encrypt,
    /// None.
    Clear,
}

/// Shows no password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, username, tls, .. } = self;
        f.debug_struct("Database")
            .field("host", host)
            .field("port", port)
            .field("database", database)
            .field("username", username)
            .field("tls", tls)
            .finish_non_exhaustive()
    }
}
