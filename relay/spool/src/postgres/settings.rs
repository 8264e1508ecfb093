//! Where the database is, and how much of it may be used.

use std::fmt;

/// Where the database is, and how much of it may be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// The role to log in as.
    pub username: String,
    /// Its password; empty where the server wants none.
    pub password: String,
    /// What TLS to the server must give.
    pub tls: Tls,
    /// Connections at once, at least 2: one hears of what others put into the queue.
    pub connections: u32,
    /// The relay whose queue it is, `namespace/name`: others may use the same database.
    pub queue: String,
    /// What the server's administrator sees of who is connected: the name of the pod.
    pub worker: String,
    /// Bytes that the queue may take; beyond it new messages are refused with [`SpoolError::Full`](crate::SpoolError::Full).
    pub quota_bytes: Option<u64>,
}

/// How much TLS the link to the server must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// TLS, and a certificate for the host from a trusted CA.
    Verify {
        /// CA certificates in PEM, trusted beside the public ones; only the public ones when absent.
        authorities: Option<String>,
    },
    /// TLS with any certificate.
    Encrypt,
    /// None.
    Clear,
}

/// Shows no password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("username", &self.username)
            .field("queue", &self.queue)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
