use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A server that mail goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextHop {
    /// The server's name or IP address.
    ///
    /// A name is asked for as it stands, without search lists: `mail.example.com`, or `postfix.mail.svc.cluster.local` for a Service. In
    /// lower case, up to 253 characters.
    #[schemars(schema_with = "crate::schema::host")]
    pub host: String,
    /// The port that it listens on. Default 25; 1 to 65535.
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

fn default_port() -> i32 {
    25
}

fn default_priority() -> i32 {
    10
}

fn default_weight() -> i32 {
    1
}
