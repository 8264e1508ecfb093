//! The root of a relay's configuration.

use std::{collections::BTreeMap, net::SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{DomainName, Limits, Listener, OutboundRoute, Spool, Timeouts};

/// Everything that a relay needs to know but its domains, its recipients and its keys, which lie in files of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayConfig {
    /// Version of this contract, [`VERSION`](crate::VERSION). A relay that meets one that it can't read keeps the configuration that it has.
    pub version: u32,
    /// The oldest version that a reader must know, [`MIN_READER`](crate::MIN_READER). Version 1 did not have it.
    #[serde(default = "first_version")]
    pub min_reader: u32,
    /// `namespace/name` of the `SmtpRelay`.
    pub relay: String,
    /// `metadata.generation` of the `SmtpRelay` that this was built from; the relay shows it in `/status`.
    pub generation: i64,
    /// Name in the banner, in EHLO and in Received: a fully qualified domain name.
    pub hostname: DomainName,
    /// The mailbox that takes `RCPT TO:<Postmaster>` (RFC 5321 section 4.5.1). Without one it is answered 451.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postmaster: Option<String>,
    /// What the relay listens on; 1 to 16, with distinct names and ports.
    pub listeners: Vec<Listener>,
    /// How the relay shows itself in TLS.
    pub tls: ServerTls,
    /// What a stranger can make the relay spend.
    pub limits: Limits,
    /// How long the relay waits, in seconds.
    pub timeouts: Timeouts,
    /// Networks of the cluster's nodes, pods and Services, as far as they are known: who comes from there may be anyone behind SNAT, so the
    /// two limits per client don't apply, and `/status` counts such clients apart. At most 1024.
    #[serde(default, rename = "clusterCIDRs", skip_serializing_if = "Vec::is_empty")]
    pub cluster_cidrs: Vec<IpNet>,
    /// Names of the users who may authenticate on submission listeners ([`user_file`](crate::material::user_file)). At most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Where mail goes that is for none of the accepted domains: the first that matches. At most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<OutboundRoute>,
    /// Recursive DNS servers that are asked for recipients' domains and their exchangers, and for nothing else; those of the pod when there is
    /// none. At most 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<SocketAddr>,
    /// The queue; set if, and only if, a listener delivers through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<Spool>,
    /// Name and lower-case hexadecimal SHA-256 of every other configuration file.
    pub files: BTreeMap<String, String>,
}

fn first_version() -> u32 {
    1
}

/// How the relay shows itself in TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTls {
    /// The oldest protocol version that a client may use.
    pub min_version: TlsVersion,
    /// Names of certificates ([`certificate_file`](crate::material::certificate_file)); the first is shown to clients without SNI or with a name that none of them holds. 1 to 16.
    pub certificates: Vec<String>,
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}
