use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::keyed_by;

/// What the operator saw of a relay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SmtpRelayStatus {
    /// The generation of the resource that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`, `Ready`, `AllLinksEncrypted` and `ClientAddressPreserved`; `SpoolDurable` where there is a queue;
    /// `Reconciling` and `Stalled` while they are true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Where the relay is reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub addresses: Vec<Address>,
    /// Pods that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// Pods that are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ready_replicas: Option<i32>,
    /// The selector of the pods, for autoscalers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub selector: Option<String>,
    /// How many accepted domains the relay takes mail for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub attached_domains: Option<i32>,
    /// What the relay listens on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub listeners: Vec<ListenerStatus>,
    /// Hash of the configuration that was written last; pods show the one that they run in `/status`. Lower-case hexadecimal SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub config_hash: Option<String>,
    /// The certificates that are in use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub certificates: Vec<CertificateStatus>,
    /// The queue, where there is one: about how much is in it. A pod that is not reached is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpoolStatus")]
    pub spool: Option<SpoolStatus>,
}

/// What is in the queue. The figures are rounded, so that a relay that is busy is not written all the time; its metrics have the exact ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SpoolStatus {
    /// Messages, of all pods together; the first two digits count.
    #[schemars(range(min = 0))]
    pub messages: i64,
    /// How long the oldest has waited, in seconds; whole minutes.
    #[schemars(range(min = 0))]
    pub oldest_seconds: i64,
}

/// Where a relay is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type")]
    pub type_: AddressType,
    /// The address.
    #[schemars(length(max = 253))]
    pub value: String,
}

/// What kind of address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AddressType {
    /// An IP address.
    IPAddress,
    /// A host name.
    Hostname,
}

/// What the operator saw of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Name of the listener.
    #[schemars(length(max = 63))]
    pub name: String,
    /// The port that clients connect to.
    pub port: i32,
    /// The port that the pods bind.
    pub pod_port: i32,
}

/// A certificate that is in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Name of its Secret.
    #[schemars(length(max = 253))]
    pub name: String,
    /// When it ends.
    #[schemars(schema_with = "crate::schema::time")]
    pub not_after: Time,
}
