use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    accepted_domain::NextHopTlsMode,
    schema::{keyed_by, rule},
};

/// How mail goes to the exchangers of the world. They are asked for on port 25, the most preferred first (RFC 5321 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Mx {
    /// Domains whose exchangers must give more, or may give less, than the route's `tls.mode`. Up to 256. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[schemars(transform = keyed_by(&["domain"]))]
    pub waivers: Vec<TlsWaiver>,
    /// Networks that exchangers may be in although nobody on the Internet has a way there, or the cluster is there. Up to 64 networks in CIDR
    /// notation, none of them `/0`. Default: none, so that DNS of strangers can't lead mail inside.
    #[serde(rename = "allowCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::cidrs")]
    pub allow_cidrs: Vec<IpNet>,
}

/// What TLS must give for the mail of one domain, until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".until",
    "self.mode == 'Verify' || has(self.until)",
    "what asks for less must end some day; set until, or make the mode Verify",
))]
pub struct TlsWaiver {
    /// The recipients' domain: `example.com` alone, or `*.example.com` for that and every name below it.
    #[schemars(schema_with = "crate::schema::domain_pattern")]
    pub domain: String,
    /// How much TLS is asked.
    ///
    /// `Verify`: TLS, with a certificate for the exchanger's name from a public CA, or one of the route's `caCertificateRefs`. `Encrypt`: TLS
    /// with any certificate. `Opportunistic`: TLS when the exchanger offers it, else in clear; the relay then reports `AllLinksEncrypted=False`.
    pub mode: NextHopTlsMode,
    /// The day, in UTC, from which on the waiver counts no more, such as `2027-03-31`. Required unless the mode is `Verify`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::day")]
    pub until: Option<String>,
}
