use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    accepted_domain::{DISTINCT, NOT_DISTINCT, NextHop, NextHopTls, tls_of_exchangers},
    reference::LocalSecretReference,
    schema::{as_a_whole, rule},
};

use super::Mx;

/// Where mail of users and trusted servers goes that is for none of the accepted domains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    "",
    "has(self.smartHosts) != has(self.mx)",
    "a route leads to smart hosts or to the exchangers of the world; set one of smartHosts and mx, and not both",
))]
#[schemars(transform = rule(
    ".credentialsRef",
    "!has(self.mx) || !has(self.credentialsRef)",
    "exchangers ask for no password; remove credentialsRef, or set smartHosts in place of mx",
))]
#[schemars(transform = rule(
    ".tls.mode",
    "!has(self.credentialsRef) || !has(self.tls.mode) || self.tls.mode == 'Verify'",
    "a password is only shown to a server that is who it says; make the mode Verify, with caCertificateRefs for a CA of your own",
))]
#[schemars(transform = tls_of_exchangers)]
pub struct Route {
    /// Name of the route, unique in the relay; a label of logs and metrics. A DNS label, up to 63 characters.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
    /// Which mail takes the route: what every list that is set has an entry for. Default: all.
    #[serde(default, rename = "match")]
    pub matches: RouteMatch,
    /// The servers that take the mail and deliver it on. Either this or `mx`. 1 to 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16))]
    #[schemars(transform = as_a_whole)]
    #[schemars(transform = rule("", DISTINCT, NOT_DISTINCT))]
    pub smart_hosts: Vec<NextHop>,
    /// What the relay authenticates with at the smart hosts: a Secret of the relay's namespace. Default: it does not.
    ///
    /// `username` and `password`: AUTH PLAIN or LOGIN. Or `username`, `tokenURL` and `clientID` for AUTH XOAUTH2, with `scope` where the issuer
    /// wants one, and either `clientSecret` (client credentials, as Microsoft 365 has them) or `privateKey` in PEM with `subject`, and `keyID`
    /// where the issuer wants one (a signed assertion, as Google's service accounts have them).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LocalSecretReference")]
    pub credentials_ref: Option<LocalSecretReference>,
    /// The mail goes to the exchangers of each recipient's domain, which DNS names. Either this or `smartHosts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Mx")]
    pub mx: Option<Mx>,
    /// What TLS to the servers must give. Default: to smart hosts TLS with a certificate that a public CA signed for the smart host's name, to
    /// exchangers TLS with any certificate, as most of the world has no better.
    #[serde(default)]
    pub tls: NextHopTls,
    /// The name that the relay gives itself in EHLO on this route. Default: `spec.hostname`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::domain_name")]
    pub ehlo_name: Option<String>,
}

/// Which mail takes a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch {
    /// Senders: a mailbox (`user@example.com`), every mailbox of a domain (`@example.com`), or `<>` for reports. 1 to 256. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::senders")]
    pub senders: Vec<String>,
    /// Domains of recipients: `example.com` is that domain alone, `*.example.com` that and every name below it. 1 to 256. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::recipient_domains")]
    pub recipient_domains: Vec<String>,
    /// Names that users authenticate with. 1 to 256. Default: any, and mail of trusted servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::user_names")]
    pub users: Vec<String>,
    /// Names of the listeners that the mail came in by. 1 to 16. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::listener_names")]
    pub listeners: Vec<String>,
}
