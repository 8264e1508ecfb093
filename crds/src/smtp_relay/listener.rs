use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

use super::{Exposure, ListenerTls, ProxyProtocol};

/// A port that the relay listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Name of the listener, unique in the relay; a label of logs and metrics. A DNS label, up to 63 characters.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
    /// Who is expected here, and so what may be relayed.
    ///
    /// `Inbound`: anyone, without authentication, for accepted domains only.
    pub role: Role,
    /// The port that clients connect to; 25 is where other mail servers deliver, 465 is implicit TLS. 1 to 65535; 9464 and
    /// 9465 are reserved.
    #[schemars(range(min = 1, max = 65535))]
    #[schemars(transform = rule(
        "",
        "self != 9464",
        "9464 is the admin port of the pods; take another port",
    ))]
    #[schemars(transform = rule(
        "",
        "self != 9465",
        "9465 is the control port of the pods; take another port",
    ))]
    pub port: i32,
    /// Who can reach the listener: which Service holds its port, and whom the NetworkPolicy lets in.
    ///
    /// `Public`: the Internet. `Private`: networks of your own outside the cluster, which are those of the Service's
    /// `loadBalancerSourceRanges`, or all private networks. `Cluster`: pods of the cluster. Default `Public`.
    #[serde(default)]
    pub exposure: Exposure,
    /// When TLS starts, and whether it must. Default: STARTTLS, required.
    #[serde(default)]
    pub tls: ListenerTls,
    /// When the sender hears that its message is taken.
    ///
    /// `PassThrough`: when the next hop has answered. The relay passes that answer on and keeps no queue, so a lost pod loses no mail and
    /// there is no backscatter. Default `PassThrough`.
    #[serde(default)]
    pub delivery: Delivery,
    /// Set when a load balancer in front speaks the PROXY protocol (v1 or v2). Then every connection must begin with its header, and one
    /// that comes from anywhere else than `trustedCIDRs` is closed. Default: no PROXY protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
}

impl Listener {
    /// The port that the pod binds, which needs no privilege: the port, plus 10000 when it is below 1024.
    #[must_use]
    pub fn pod_port(&self) -> i32 {
        if self.port < 1024 { self.port + 10_000 } else { self.port }
    }
}

/// Who is expected on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Anyone, for accepted domains only; AUTH is never offered.
    Inbound,
}

/// When the sender hears that its message is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Delivery {
    /// When the next hop has answered.
    #[default]
    PassThrough,
}
