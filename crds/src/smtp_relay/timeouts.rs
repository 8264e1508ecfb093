use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

/// How long the relay waits, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".nextHopFinalReplySeconds",
    "self.nextHopCommandSeconds <= self.nextHopFinalReplySeconds",
    "the reply to the end of data takes longest; make nextHopFinalReplySeconds at least nextHopCommandSeconds",
))]
pub struct Timeouts {
    /// For a client's next command; then 421 4.4.2. RFC 5321 section 4.5.3.2.7 asks for 300. Default 300; 1 to 3600.
    #[schemars(range(min = 1, max = 3600))]
    pub client_command_seconds: i32,
    /// For the next piece of a client's message. RFC 5321 section 4.5.3.2.5 asks for 180. Default 180; 1 to 3600.
    #[schemars(range(min = 1, max = 3600))]
    pub client_data_seconds: i32,
    /// For a next hop, at each step from the look-up of its name to its reply to RCPT. A client waits 300 seconds for that reply, so this
    /// stays below. Default 60; 1 to 240.
    #[schemars(range(min = 1, max = 240))]
    pub next_hop_command_seconds: i32,
    /// For a next hop's reply to the end of data. A client waits 600 seconds for it, so this stays below. Default 120; 1 to 540.
    #[schemars(range(min = 1, max = 540))]
    pub next_hop_final_reply_seconds: i32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { client_command_seconds: 300, client_data_seconds: 180, next_hop_command_seconds: 60, next_hop_final_reply_seconds: 120 }
    }
}
