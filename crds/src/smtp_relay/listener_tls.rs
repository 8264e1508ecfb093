use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When TLS starts on a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// When TLS starts, and whether it must.
    ///
    /// `StartTls`: STARTTLS is offered and required; mail without it is refused with 530 5.7.0. On port 25 this departs from RFC 3207
    /// section 4, which wants a public server to take mail in clear: senders that can't do TLS are refused. `Implicit`: TLS from the first
    /// byte. `StartTlsOptional`: STARTTLS is offered, and mail in clear is taken too; the relay then reports `AllLinksEncrypted=False`.
    /// Default `StartTls`.
    #[serde(default)]
    pub mode: ListenerTlsMode,
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
