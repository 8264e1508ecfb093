//! What a relay listens on.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::SenderPattern;

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
    /// Names of CA bundles ([`trust_file`](crate::material::trust_file)) that client certificates must come from; none is asked for when empty.
    #[serde(default, rename = "clientCAs", skip_serializing_if = "Vec::is_empty")]
    pub client_cas: Vec<String>,
    /// Who may send without AUTH; set if, and only if, the role is [`Role::Trusted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Trusted>,
}

/// Who is expected on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Anyone, for accepted domains only; AUTH is never offered.
    Inbound,
    /// Users of the relay, who authenticate after TLS (RFC 6409), and then send as their allowed senders.
    Submission,
    /// Servers of our own, known by certificate or address, which send as their allowed senders.
    Trusted,
}

/// Who a listener trusts to send without AUTH.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trusted {
    /// Names (subjectAltName, DNS) in client certificates, lower case; one that begins with `*.` stands for one label. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_names: Vec<String>,
    /// Networks, none wider than /24 or /64, none that holds a network of the cluster. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cidrs: Vec<IpNet>,
    /// Whether a certificate is enough, or an address, or both are needed.
    pub require: TrustRequirement,
    /// Whom they may send as: never empty. `*` only where a certificate is needed.
    pub allowed_senders: Vec<SenderPattern>,
    /// What a message must say of the tenant that it comes from, where tenants share the certificate's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
}

/// What makes a client trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustRequirement {
    /// One of `certificateNames`, or an address in `cidrs`.
    Any,
    /// One of `certificateNames`, and an address in `cidrs`.
    All,
}

/// A header field that names the tenant of a provider. The provider sets it; a message without it, or with another value, is refused at the end
/// of data (550 5.7.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Name of the field, such as `X-OriginatorOrg`.
    pub header: String,
    /// Values that are ours, compared without regard to case; 1 to 64.
    pub values: Vec<String>,
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
    /// When it is safe in the relay's queue.
    Spool,
}

/// Who may tell the client's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// Sources of the PROXY header; a connection from anywhere else is closed. 1 to 64.
    #[serde(rename = "trustedCIDRs")]
    pub trusted_cidrs: Vec<IpNet>,
}
