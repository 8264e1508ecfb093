use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{accepted_domain::CaCertificateReference, schema::keyed_by};

/// When TLS starts on a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// When TLS starts, and whether it must.
    ///
    /// `StartTls`: STARTTLS is offered and required; mail without it is refused with 530 5.7.0. On port 25 this departs from RFC 3207
    /// section 4, which wants a public server to take mail in clear: senders that can't do TLS are refused. `Implicit`: TLS from the first
    /// byte. `StartTlsOptional`: STARTTLS is offered, and mail in clear is taken too, but not from users; the relay then reports `AllLinksEncrypted=False`.
    /// Default `StartTls`.
    #[serde(default)]
    pub mode: ListenerTlsMode,
    /// Who must have signed the certificates of clients: of users who authenticate by one (AUTH EXTERNAL), or of the servers of
    /// `trusted.certificateNames`. A certificate for servers counts too. 1 to 8. Default: no client is asked for one.
    #[serde(default, rename = "clientCARefs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 8))]
    #[schemars(transform = keyed_by(&["kind", "namespace", "name", "key"]))]
    pub client_ca_refs: Vec<CaCertificateReference>,
}

/// When TLS starts on a listener, and whether it must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ListenerTlsMode {
    /// STARTTLS (RFC 3207) is offered and required.
    #[default]
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS is offered; mail in clear is taken too.
    StartTlsOptional,
}
