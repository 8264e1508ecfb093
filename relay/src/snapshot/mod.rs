//! One configuration that is loaded, proven and in use.

mod door;
mod load;
mod material;
mod store;
mod watch;

use std::sync::Arc;

use postern_config::Configuration;

pub use door::Door;
pub use load::{LoadError, Source};
pub use store::{InUse, Refusal, Store};
pub use watch::Watch;

use crate::{auth::Users, delivery::Destination, policy::Policy, tls::Acceptor};

/// A configuration with all that is built from it. Never changes; the next one replaces it as a whole.
pub struct Snapshot {
    /// What was read.
    pub configuration: Configuration,
    /// The configuration's hash ([`Configuration::hash`]).
    pub hash: String,
    /// The listeners, each to be shared with its connections.
    pub doors: Vec<Arc<Door>>,
    /// Whose mail is relayed, and where to.
    pub policy: Policy<Arc<Destination>>,
    /// Who may authenticate.
    pub users: Arc<Users>,
    /// The server's side of TLS.
    pub tls: Acceptor,
    /// The hash of the files of keys, certificates and CAs that it was made of ([`postern_config::material::hash`]).
    pub material: String,
}

impl Snapshot {
    /// The listener on `port`.
    #[must_use]
    pub fn door(&self, port: u16) -> Option<&Arc<Door>> {
        self.doors.iter().find(|door| door.listener.port == port)
    }
}
