//! The command's options.

use std::net::SocketAddr;

use clap::{ArgAction, Args};
use ipnet::IpNet;

use super::log;
use crate::{
    build::RelayOptions,
    inventory::{Readable, Scope},
};

/// How to run the controller.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// The operator's own namespace, for its lease and its CA [default: that of its service account, or of the kubeconfig]
    #[arg(long)]
    pub namespace: Option<String>,
    /// What is set for all relays.
    #[command(flatten)]
    pub relays: RelayOptions,
    /// Namespaces whose resources are followed, with commas between them [default: all]
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Namespaces whose Secrets are read and written, with commas between them, or `*` for all. Relays run only there
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub secret_namespaces: Vec<String>,
    /// Addresses of nodes, pods and Services, beside those that the cluster tells: networks with commas between them
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    pub cluster_cidrs: Vec<IpNet>,
    /// The domain of the cluster's Services
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// Whether cert-manager is asked for the certificates of relays that name an issuer of it
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub cert_manager: bool,
    /// Whether replicas agree on one that writes, by a Lease; `false` when there is only one
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub leader_elect: bool,
    /// Where the operator answers for health and metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:8080")]
    pub admin: SocketAddr,
    /// How many relays are reconciled at once, and how many domains
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// How to log.
    #[command(flatten)]
    pub log: log::Logging,
}

impl Options {
    /// What may be read. Secrets of all namespaces are those of all that are followed.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let namespaces = match self.watch_namespaces.as_slice() {
            [] => Readable::All,
            some => Readable::Only(some.iter().cloned().collect()),
        };
        let secrets = match self.secret_namespaces.as_slice() {
            [all] if all == "*" => namespaces.clone(),
            some => Readable::Only(some.iter().cloned().collect()),
        };
        Scope { namespaces, secrets }
    }
}
