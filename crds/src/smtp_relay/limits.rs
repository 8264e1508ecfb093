use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// What a stranger can make the relay spend. Counts are per pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".scratchBytes",
    "self.scratchBytes >= self.messageBytes",
    "the scratch volume can't hold one message of messageBytes; raise scratchBytes, or lower messageBytes",
))]
pub struct Limits {
    /// The largest message, in bytes; advertised as SIZE (RFC 1870), and larger ones are refused with 552 5.3.4. Default 36700160 (35 MiB);
    /// 65536 to 1073741824.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub message_bytes: i64,
    /// Recipients of one message; more are answered 452 4.5.3 and come again. RFC 5321 section 4.5.3.1.8 asks for 100. Default 100; 1 to
    /// 10000.
    #[schemars(range(min = 1, max = 10_000))]
    pub recipients: i32,
    /// Connections that are open at once; more get 421 4.3.2. Default 5000; 1 to 100000.
    #[schemars(range(min = 1, max = 100_000))]
    pub connections: i32,
    /// Connections of one client that are open at once; more get 421 4.7.0. A client is an IPv4 address or an IPv6 /64. Default 20; 1 to
    /// 100000.
    #[schemars(range(min = 1, max = 100_000))]
    pub connections_per_client: i32,
    /// Messages that one client may begin in a minute; more get 451 4.7.1. Default 600; 1 to 1000000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub messages_per_client_per_minute: i32,
    /// Sources that many clients share, such as nodes that translate addresses: the two limits per client don't apply to them. Up to 64
    /// networks in CIDR notation, none of them `/0`.
    #[serde(rename = "sharedSourceCIDRs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::cidrs")]
    pub shared_source_cidrs: Vec<IpNet>,
    /// Memory of a pod for all messages that it holds at once, in bytes; what does not fit goes to the scratch volume. Default 67108864
    /// (64 MiB); 1048576 to 1099511627776.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_i64))]
    pub memory_bytes: i64,
    /// Room on a pod's scratch volume for all messages that it holds at once, in bytes; when it is spent, senders get 452 4.3.1 and try
    /// again. Default 2147483648 (2 GiB); 65536 to 1099511627776, and at least `messageBytes`.
    #[schemars(range(min = 65_536, max = 1_099_511_627_776_i64))]
    pub scratch_bytes: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 35 << 20,
            recipients: 100,
            connections: 5000,
            connections_per_client: 20,
            messages_per_client_per_minute: 600,
            shared_source_cidrs: Vec::new(),
            memory_bytes: 64 << 20,
            scratch_bytes: 2 << 30,
        }
    }
}
