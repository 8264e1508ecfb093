//! What a stranger can make the relay spend, and how long the relay waits.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Bounds of one relay pod. Counts are per pod, not per relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Largest message, in bytes after dot-unstuffing; advertised as SIZE (RFC 1870).
    pub message_bytes: u64,
    /// Recipients of one transaction; more get 452 4.5.3.
    pub recipients: u32,
    /// Connections that are open at once; more get 421 4.3.2 at the banner.
    pub connections: u32,
    /// Connections of one client (an IPv4 address or an IPv6 /64) that are open at once; more get 421 4.7.0.
    pub connections_per_client: u32,
    /// Messages that one client may begin in a minute; more get 451 4.7.1 at MAIL.
    pub messages_per_client_per_minute: u32,
    /// Memory for all messages that are held at once, in bytes; when it runs short, messages go to the scratch volume all but at once; when it is spent, 452 4.3.1.
    pub memory_bytes: u64,
    /// Room on the scratch volume for all messages that are held at once, in bytes; when it is spent, 452 4.3.1.
    pub scratch_bytes: u64,
    /// Sources that many clients share (SNAT, the node network): the two limits per client don't apply to them.
    #[serde(default, rename = "sharedSourceCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub shared_source_cidrs: Vec<IpNet>,
}

/// How long the relay waits, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// For a client's next command (RFC 5321 section 4.5.3.2.7: at least 300).
    pub client_command_seconds: u32,
    /// For the next piece of a message (section 4.5.3.2.5: 180).
    pub client_data_seconds: u32,
    /// For a next hop, from the look-up of its name to its reply to RCPT, each step. Below what a client waits for its RCPT (300).
    pub next_hop_command_seconds: u32,
    /// For a next hop's reply to the end of data. Below what a client waits for it (600).
    pub next_hop_final_reply_seconds: u32,
}
