use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

use super::{Exposure, ListenerTls, ProxyProtocol, Trusted};

/// A port that the relay listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".trusted",
    "self.role != 'Trusted' || has(self.trusted)",
    "a Trusted listener trusts somebody; set trusted, or make the role Submission",
))]
#[schemars(transform = rule(
    ".trusted",
    "self.role == 'Trusted' || !has(self.trusted)",
    "only a Trusted listener takes mail without AUTH for the world; remove trusted, or make the role Trusted",
))]
#[schemars(transform = rule(
    ".tls.clientCARefs",
    "self.role != 'Inbound' || !has(self.tls) || !has(self.tls.clientCARefs)",
    "clients of an Inbound listener are strangers, whose certificates mean nothing; remove clientCARefs, or make the role Submission or Trusted",
))]
#[schemars(transform = rule(
    ".tls.clientCARefs",
    "self.role != 'Trusted' || !has(self.trusted) || !has(self.tls) || has(self.tls.clientCARefs) == has(self.trusted.certificateNames)",
    "a certificate is trusted by its name and by who signed it; set both tls.clientCARefs and trusted.certificateNames, or none of them",
))]
#[schemars(transform = rule(
    ".tls.mode",
    "self.role != 'Submission' || !has(self.tls) || self.tls.mode != 'StartTlsOptional'",
    "users authenticate over TLS only; make the mode StartTls or Implicit",
))]
#[schemars(transform = rule(
    ".exposure",
    "self.role != 'Trusted' || !has(self.exposure) || self.exposure != 'Public' || !has(self.trusted) || (has(self.trusted.certificateNames) && (self.trusted.require == 'All' || !has(self.trusted.cidrs)))",
    "on a listener that the Internet reaches an address alone grants nothing; ask for certificates (trusted.certificateNames, and require All beside cidrs), or make the exposure Private or Cluster",
))]
#[schemars(transform = rule(
    ".delivery",
    "self.role == 'Inbound' || !has(self.delivery) || self.delivery != 'PassThrough'",
    "who sends mail out leaves it with the relay, which tries until it is delivered; make the delivery Spool, or remove it",
))]
pub struct Listener {
    /// Name of the listener, unique in the relay; a label of logs and metrics. A DNS label, up to 63 characters.
    #[schemars(schema_with = "crate::schema::dns_label")]
    pub name: String,
    /// Who is expected here, and so what may be relayed.
    ///
    /// `Inbound`: anyone, without authentication, for accepted domains only. `Submission`: users, who authenticate after TLS and then send to
    /// anywhere as their allowed senders (RFC 6409). `Trusted`: servers of your own, which `trusted` knows by certificate or address, and which
    /// send to anywhere as their allowed senders.
    pub role: Role,
    /// The port that clients connect to; 25 is where other mail servers deliver, 587 where users submit, 465 is implicit TLS. 1 to
    /// 65535; 9464 and 9465 are reserved.
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
    /// `loadBalancerSourceRanges`, or all private networks. `Cluster`: pods of the cluster. Default: `Cluster` with the role `Trusted`, `Public`
    /// with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Exposure")]
    pub exposure: Option<Exposure>,
    /// When TLS starts, and whether it must. Default: STARTTLS, required.
    #[serde(default)]
    pub tls: ListenerTls,
    /// When the sender hears that its message is taken.
    ///
    /// `PassThrough`: when the next hop has answered. The relay passes that answer on and keeps no queue, so a lost pod loses no mail and
    /// there is no backscatter; only with the role `Inbound`. `Spool`: when it is safe in the relay's queue (`spool`), from which it is delivered
    /// with retries; a sender gets back what can't be. Default: `PassThrough` with the role `Inbound`, `Spool` with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Delivery")]
    pub delivery: Option<Delivery>,
    /// Set when a load balancer in front speaks the PROXY protocol (v1 or v2). Then every connection must begin with its header, and one
    /// that comes from anywhere else than `trustedCIDRs` is closed. Default: no PROXY protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Who may send without AUTH. Required with the role `Trusted`, refused with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Trusted>,
}

impl Listener {
    /// The port that the pod binds, which needs no privilege: the port, plus 10000 when it is below 1024.
    #[must_use]
    pub fn pod_port(&self) -> i32 {
        if self.port < 1024 { self.port + 10_000 } else { self.port }
    }

    /// Who can reach it. What trusts by address is not for everyone unless somebody says so.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        self.exposure.unwrap_or(match self.role {
            Role::Inbound | Role::Submission => Exposure::Public,
            Role::Trusted => Exposure::Cluster,
        })
    }

    /// When the sender hears that its message is taken.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery.unwrap_or(match self.role {
            Role::Inbound => Delivery::PassThrough,
            Role::Submission | Role::Trusted => Delivery::Spool,
        })
    }
}

/// Who is expected on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Anyone, for accepted domains only; AUTH is never offered.
    Inbound,
    /// Users, who authenticate after TLS.
    Submission,
    /// Servers of our own, known by certificate or address.
    Trusted,
}

/// When the sender hears that its message is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Delivery {
    /// When the next hop has answered.
    PassThrough,
    /// When it is safe in the relay's queue.
    Spool,
}
