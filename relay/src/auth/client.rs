//! What is known of a client before it says who it is.

use std::net::IpAddr;

use crate::listen::ClientKey;

/// The client of an exchange, after its TLS handshake.
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether many clients come with this address: it is one of the cluster's, or in a shared network. Then failures are held against the
    /// user alone, since one client's would lock out all others.
    pub is_shared: bool,
    /// The DNS names and e-mail addresses of its certificate in lower case, once that was verified; else empty.
    pub certificate_names: Vec<String>,
    /// What its TLS connection exports as `tls-exporter` (RFC 9266 section 2). Only TLS 1.3 has it; SCRAM-SHA-256-PLUS was offered if and
    /// only if this is present.
    pub channel_binding: Option<[u8; 32]>,
}

/// Whose turn and whose failures something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// A client with an address of its own.
    Own(ClientKey),
    /// All those whose addresses are shared.
    Shared,
}

impl Client {
    pub(super) fn party(&self) -> Party {
        if self.is_shared { Party::Shared } else { Party::Own(ClientKey::from(self.address)) }
    }
}
