use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{reference::ServiceReference, schema::rule};

/// A server that mail goes to: a host, or a Service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    "",
    "has(self.host) != has(self.serviceRef)",
    "a next hop is a host or a Service; set one of host and serviceRef, and not both",
))]
pub struct NextHop {
    /// The server's name or IP address. Either this or `serviceRef`.
    ///
    /// A name is asked for as it stands, without search lists: `mail.example.com`. In lower case, up to 253 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::host")]
    pub host: Option<String>,
    /// A Service of the cluster, which must have the port `port`. Either this or `host`.
    ///
    /// Its host is `NAME.NAMESPACE.svc.cluster.local` (with the cluster's own domain), which is also the name that its certificate must hold,
    /// unless `tls.serverName` says another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ServiceReference")]
    pub service_ref: Option<ServiceReference>,
    /// The port that it listens on; of a Service, the Service's. Default 25; 1 to 65535.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Lower is tried first, as with MX. Default 10; 0 to 65535.
    #[serde(default = "default_priority")]
    #[schemars(range(min = 0, max = 65535))]
    pub priority: i32,
    /// Share of the mail among hops of the same priority; 0 only gets mail when no other is there. Default 1; 0 to 65535.
    #[serde(default = "default_weight")]
    #[schemars(range(min = 0, max = 65535))]
    pub weight: i32,
}

/// No two next hops of a list are one server.
pub(crate) const DISTINCT: &str = "self.all(a, self.exists_one(b, a.port == b.port && (has(a.host) ? has(b.host) && a.host == b.host : \
     !has(b.host) && has(a.serviceRef) && has(b.serviceRef) && a.serviceRef == b.serviceRef)) || (!has(a.host) && !has(a.serviceRef)))";
/// What is said when two are.
pub(crate) const NOT_DISTINCT: &str = "two next hops are the same server and port; change or remove one of them";

fn default_port() -> i32 {
    25
}

fn default_priority() -> i32 {
    10
}

fn default_weight() -> i32 {
    1
}
