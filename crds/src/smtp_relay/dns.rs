use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::keyed_by;

/// Whom the relay asks where mail of the world goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dns {
    /// Recursive DNS servers, which are asked over UDP and TCP. Each must know every name of the Internet: whichever answers counts, and another
    /// is asked when one does not. 1 to 3.
    #[schemars(length(min = 1, max = 3))]
    #[schemars(transform = keyed_by(&["address", "port"]))]
    pub servers: Vec<DnsServer>,
}

/// A recursive DNS server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsServer {
    /// Its IP address, IPv4 or IPv6, in its shortest form. That of a Service will do where its pods listen on the same port, 53 or 5353.
    #[schemars(schema_with = "crate::schema::server_address")]
    pub address: IpAddr,
    /// The port that it listens on, for UDP and for TCP. Default 53; 1 to 65535.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

fn default_port() -> i32 {
    53
}
