//! What a relay listens on.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// One listening port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Name of the listener, unique in the relay; a label of logs and metrics.
    pub name: String,
    /// Who is expected here, and so what may be relayed.
    pub role: Role,
    /// The port that the relay binds: the listener's port, plus 10000 when that is below 1024.
    pub port: u16,
    /// When TLS starts, and whether it must.
    pub tls: ListenerTls,
    /// When the sender hears 250: see [`Delivery`].
    pub delivery: Delivery,
    /// Set when a proxy in front tells the client's address; then every connection must begin with a PROXY header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Who is expected on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Anyone, for accepted domains only; AUTH is never offered.
    Inbound,
}

/// When TLS starts on a listener, and whether it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListenerTls {
    /// STARTTLS (RFC 3207) is offered and required: MAIL before it is answered 530 5.7.0.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS is offered; mail in clear is taken too.
    StartTlsOptional,
}

/// When the sender hears that its message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// When the next hop has answered: the relay passes that answer on and keeps no queue.
    PassThrough,
}

/// Who may tell the client's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// Sources of the PROXY header; a connection from anywhere else is closed. 1 to 64.
    #[serde(rename = "trustedCIDRs")]
    pub trusted_cidrs: Vec<IpNet>,
}
