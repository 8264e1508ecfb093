//! A listener with what its sessions say.

use std::sync::Arc;

use postern_config::{Delivery, Listener, ListenerTls, RelayConfig, Role};
use postern_proto::server::{AuthOffer, Offer, Settings, TlsOffer};

use crate::{policy::Trust, tls::Acceptor};

/// Where clients come in: a listener as it is configured, and what its sessions say because of it.
pub struct Door {
    /// The listener.
    pub listener: Listener,
    /// What sessions on it say and allow.
    pub settings: Arc<Settings>,
    /// The server's side of TLS, as the listener wants it.
    pub tls: Acceptor,
    /// Whom the listener trusts to send without AUTH.
    pub trust: Option<Trust>,
}

impl Door {
    /// `one_next_hop` says that not all mail goes to the same next hops, so that the recipients of a transaction may have to be parted.
    pub(super) fn new(listener: &Listener, root: &RelayConfig, one_next_hop: bool, tls: Acceptor) -> Self {
        let offer = Offer {
            hostname: root.hostname.to_string(),
            max_message_bytes: root.limits.message_bytes,
            max_recipients: root.limits.recipients,
            tls: match listener.tls {
                ListenerTls::StartTls => TlsOffer::Required,
                ListenerTls::StartTlsOptional => TlsOffer::Optional,
                ListenerTls::Implicit => TlsOffer::Active,
            },
            // A queue parts them itself.
            one_next_hop_per_transaction: one_next_hop && listener.delivery == Delivery::PassThrough,
            auth: if listener.role == Role::Submission { AuthOffer::Required } else { AuthOffer::Never },
            // Reports are owed where the queue is ours.
            dsn: listener.delivery == Delivery::Spool,
        };
        let trust = listener.trusted.as_ref().map(Trust::new);
        Self { listener: listener.clone(), settings: Arc::new(Settings::new(offer)), tls, trust }
    }
}
