//! A listener with what its sessions say.

use std::sync::Arc;

use postern_config::{Listener, ListenerTls, RelayConfig};
use postern_proto::server::{AuthOffer, Offer, Settings, TlsOffer};

/// Where clients come in: a listener as it is configured, and what its sessions say because of it.
#[derive(Debug)]
pub struct Door {
    /// The listener.
    pub listener: Listener,
    /// What sessions on it say and allow.
    pub settings: Arc<Settings>,
}

impl Door {
    /// `one_next_hop` says that not all mail goes to the same next hops, so that the recipients of a transaction may have to be parted.
    pub(super) fn new(listener: &Listener, root: &RelayConfig, one_next_hop: bool) -> Self {
        let offer = Offer {
            hostname: root.hostname.to_string(),
            max_message_bytes: root.limits.message_bytes,
            max_recipients: root.limits.recipients,
            tls: match listener.tls {
                ListenerTls::StartTls => TlsOffer::Required,
                ListenerTls::StartTlsOptional => TlsOffer::Optional,
                ListenerTls::Implicit => TlsOffer::Active,
            },
            one_next_hop_per_transaction: one_next_hop,
            auth: AuthOffer::Never,
            dsn: false,
        };
        Self { listener: listener.clone(), settings: Arc::new(Settings::new(offer)) }
    }
}
