//! Which server it was.

use std::{fmt, net::SocketAddr, sync::Arc};

/// A server of a destination at one of its addresses, for logs: `mail.example.com:25 at 192.0.2.1:25`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The host and port as they were configured.
    pub(super) name: Arc<str>,
    pub(super) address: SocketAddr,
}

impl Peer {
    /// The host as it was configured or found, a name or an address, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.name.rsplit_once(':').map_or(&*self.name, |(host, _)| host)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)
    }
}
