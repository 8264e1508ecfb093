use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// Who may send without AUTH: servers of your own.
///
/// Nobody who comes from an address of a node or a pod matches `cidrs`: behind address translation the whole Internet may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    "",
    "self.require == 'All' || has(self.certificateNames) || has(self.cidrs)",
    "nobody is trusted; set certificateNames, cidrs, or both",
))]
#[schemars(transform = rule(
    ".require",
    "self.require != 'All' || (has(self.certificateNames) && has(self.cidrs))",
    "All asks for a certificate and an address; set certificateNames and cidrs, or make require Any",
))]
#[schemars(transform = rule(
    ".allowedSenders",
    "!('*' in self.allowedSenders) || (has(self.certificateNames) && (self.require == 'All' || !has(self.cidrs)))",
    "only who shows a certificate may send as everyone; name the senders, or ask for certificates (certificateNames, and require All beside cidrs)",
))]
#[schemars(transform = rule(
    ".tenant",
    "has(self.tenant) || !has(self.certificateNames) || !self.certificateNames.exists(n, n.endsWith('mail.protection.outlook.com') || n.endsWith('google.com'))",
    "every tenant of that provider shows the same certificate; set tenant to the header field that names yours, such as X-OriginatorOrg",
))]
pub struct Trusted {
    /// Names in the certificates of the servers (subjectAltName, DNS); one that begins with `*.` stands for one label. 1 to 64. Default: no
    /// certificate is trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::domain_patterns")]
    pub certificate_names: Vec<String>,
    /// Addresses of the servers: networks in CIDR notation, none wider than /24 (IPv4) or /64 (IPv6), and none that holds nodes or pods of the
    /// cluster. 1 to 64. Default: no address is trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::tight_cidrs")]
    pub cidrs: Vec<IpNet>,
    /// What a server must have, where both `certificateNames` and `cidrs` are set.
    ///
    /// `Any`: a certificate or an address. `All`: a certificate and an address. Default `Any`.
    #[serde(default)]
    pub require: TrustRequirement,
    /// Whom the servers may send as, in MAIL FROM; others are refused with 550 5.7.1. 1 to 1000.
    ///
    /// A mailbox (`user@example.com`), every mailbox of a domain (`@example.com`), or everyone (`*`), for which a certificate must be needed. The
    /// null sender of reports is always allowed.
    #[schemars(schema_with = "crate::schema::allowed_senders")]
    pub allowed_senders: Vec<String>,
    /// What a message must say of the tenant that it comes from. Required where a provider's tenants share the name in the certificate, as those
    /// of Microsoft 365 do. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
}

/// What makes a server trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TrustRequirement {
    /// A certificate or an address.
    #[default]
    Any,
    /// A certificate and an address.
    All,
}

/// A header field that names the tenant of a provider. A message without it, or with another value, is refused with 550 5.7.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Name of the field, which the provider sets, such as `X-OriginatorOrg`. Up to 77 characters.
    #[schemars(schema_with = "crate::schema::header_name")]
    pub header: String,
    /// Values that are yours, in any case. 1 to 64.
    #[schemars(schema_with = "crate::schema::header_values")]
    pub values: Vec<String>,
}
