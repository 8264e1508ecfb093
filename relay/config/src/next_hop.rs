//! Where mail goes next.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::DomainName;

/// A set of servers, any of which takes the mail of a domain, and how to reach them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHops {
    /// 1 to 16 servers.
    pub hops: Vec<NextHop>,
    /// What TLS to them must give.
    pub tls: NextHopTls,
    /// Networks that their addresses must be in, those that names resolve to included; any when empty.
    #[serde(default, rename = "allowedCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub allowed_cidrs: Vec<IpNet>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHop {
    /// Host name (asked for as an absolute name) or IP address.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// Lower is tried first, as with MX.
    pub priority: u16,
    /// Share among hops of the same priority; 0 only when no other is there.
    pub weight: u16,
}

/// What TLS to a next hop must give.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHopTls {
    /// How much is asked.
    pub mode: NextHopTlsMode,
    /// The name that the certificate must hold, and that SNI sends; each hop's own host when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<DomainName>,
    /// Names of CA bundles ([`trust_file`](crate::material::trust_file)); the system's roots when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<String>,
    /// Name of the certificate that is shown to the next hop ([`certificate_file`](crate::material::certificate_file)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
}

/// How much TLS a link must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NextHopTlsMode {
    /// TLS, and a certificate for the right name from a trusted CA.
    Verify,
    /// TLS with any certificate.
    Encrypt,
    /// TLS when the next hop offers it; in clear when not.
    Opportunistic,
}
