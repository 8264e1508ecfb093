//! What a handshake agreed on.

use rustls::{CipherSuite, ProtocolVersion, ServerConnection};

use super::certificate::client_names;

/// The label under which both sides derive what binds an authentication to a connection (RFC 9266 section 2).
const CHANNEL_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What a handshake agreed on, for the Received field, logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite by its IANA name, as the `tls` clause of Received wants it (RFC 8314 section 4.3).
    pub cipher_suite: &'static str,
    /// The group of the key exchange, such as `X25519MLKEM768`; absent when a TLS 1.2 session was resumed.
    pub group: Option<&'static str>,
    /// The name that the client asked for (SNI, RFC 6066 section 3), in lower case.
    pub server_name: Option<Box<str>>,
    /// Names in the certificate that the client showed, which was verified: DNS names and mailboxes, in lower case.
    pub client_names: Vec<String>,
    /// What this connection has and no other (`tls-exporter`, RFC 9266); TLS 1.3 only.
    pub channel: Option<[u8; 32]>,
}

impl Facts {
    /// Reads the facts of a connection whose handshake is done.
    pub(super) fn of(connection: &ServerConnection) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher_suite: connection.negotiated_cipher_suite().map_or("unknown", |suite| iana_name(suite.suite())),
            group: connection.negotiated_key_exchange_group().and_then(|group| group.name().as_str()),
            server_name: connection.server_name().map(|name| name.to_ascii_lowercase().into()),
            client_names: connection.peer_certificates().and_then(<[_]>::first).map(client_names).unwrap_or_default(),
            channel: channel(connection),
        }
    }
}

/// In TLS 1.2 another connection could have the same, unless both sides speak RFC 7627.
fn channel(connection: &ServerConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection.export_keying_material([0; 32], CHANNEL_LABEL, Some(&[])).ok()
}

/// The library names the suites of TLS 1.3 in its own way.
fn iana_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}
