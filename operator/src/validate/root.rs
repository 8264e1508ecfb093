//! The root of a relay's configuration.

use std::{collections::BTreeMap, net::SocketAddr};

use ipnet::IpNet;
use postern_config::{
    DomainName, Limits, MIN_READER, RelayConfig, ServerTls, Timeouts, TlsVersion, VERSION, Violation, validate::MOST_CLUSTER_CIDRS,
};
use postern_crds::{SmtpRelay, smtp_relay as api};

use super::SERVER_CERTIFICATE;
use crate::inventory::Key;

/// The root without what it refers to.
pub(super) fn compile(relay: &SmtpRelay, postmaster: Option<String>, cluster_cidrs: &[IpNet]) -> Result<RelayConfig, Violation> {
    let spec = &relay.spec;
    let hostname =
        DomainName::parse(&spec.hostname).map_err(|error| Violation { field: "spec.hostname".to_owned(), problem: error.to_string() })?;
    Ok(RelayConfig {
        version: VERSION,
        min_reader: MIN_READER,
        relay: Key::of(&relay.metadata).to_string(),
        generation: relay.metadata.generation.unwrap_or_default(),
        hostname,
        postmaster,
        listeners: Vec::new(),
        tls: ServerTls { min_version: tls_version(spec.tls.min_version), certificates: vec![SERVER_CERTIFICATE.to_owned()] },
        limits: limits(&spec.limits)?,
        timeouts: timeouts(&spec.timeouts)?,
        cluster_cidrs: at_most(MOST_CLUSTER_CIDRS, cluster_cidrs),
        users: Vec::new(),
        routes: Vec::new(),
        dns_servers: dns_servers(spec.dns.as_ref())?,
        spool: None,
        files: BTreeMap::new(),
    })
}

/// The same networks, and as little more as makes them `most`: the smallest are widened first.
fn at_most(most: usize, networks: &[IpNet]) -> Vec<IpNet> {
    let mut networks = IpNet::aggregate(&networks.to_vec());
    while networks.len() > most {
        let host_bits = |network: &IpNet| network.max_prefix_len() - network.prefix_len();
        let least = networks.iter().map(host_bits).min().unwrap_or_default();
        let widened = |network: &IpNet| if host_bits(network) == least { network.supernet().unwrap_or(*network) } else { *network };
        networks = IpNet::aggregate(&networks.iter().map(widened).collect());
    }
    networks
}

/// `value` in the range of the contract, which the schema holds to as well.
pub(super) fn fit<T: TryFrom<V>, V: Copy + std::fmt::Display>(field: impl Into<String>, value: V) -> Result<T, Violation> {
    T::try_from(value).map_err(|_| Violation { field: field.into(), problem: format!("{value} is out of range") })
}

fn dns_servers(dns: Option<&api::Dns>) -> Result<Vec<SocketAddr>, Violation> {
    let servers = dns.into_iter().flat_map(|dns| &dns.servers).enumerate();
    let socket = |(index, server): (usize, &api::DnsServer)| {
        Ok(SocketAddr::new(server.address, fit(format!("spec.dns.servers[{index}].port"), server.port)?))
    };
    servers.map(socket).collect()
}

fn tls_version(version: api::TlsVersion) -> TlsVersion {
    match version {
        api::TlsVersion::V1_2 => TlsVersion::V1_2,
        api::TlsVersion::V1_3 => TlsVersion::V1_3,
    }
}

fn limits(limits: &api::Limits) -> Result<Limits, Violation> {
    Ok(Limits {
        message_bytes: fit("spec.limits.messageBytes", limits.message_bytes)?,
        recipients: fit("spec.limits.recipients", limits.recipients)?,
        connections: fit("spec.limits.connections", limits.connections)?,
        connections_per_client: fit("spec.limits.connectionsPerClient", limits.connections_per_client)?,
        messages_per_client_per_minute: fit("spec.limits.messagesPerClientPerMinute", limits.messages_per_client_per_minute)?,
        memory_bytes: fit("spec.limits.memoryBytes", limits.memory_bytes)?,
        scratch_bytes: fit("spec.limits.scratchBytes", limits.scratch_bytes)?,
        shared_source_cidrs: limits.shared_source_cidrs.clone(),
    })
}

fn timeouts(timeouts: &api::Timeouts) -> Result<Timeouts, Violation> {
    Ok(Timeouts {
        client_command_seconds: fit("spec.timeouts.clientCommandSeconds", timeouts.client_command_seconds)?,
        client_data_seconds: fit("spec.timeouts.clientDataSeconds", timeouts.client_data_seconds)?,
        next_hop_command_seconds: fit("spec.timeouts.nextHopCommandSeconds", timeouts.next_hop_command_seconds)?,
        next_hop_final_reply_seconds: fit("spec.timeouts.nextHopFinalReplySeconds", timeouts.next_hop_final_reply_seconds)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_networks_are_widened_until_they_are_few_enough_and_all_are_still_in_them() {
        let nodes: Vec<IpNet> = (0..3000_u32).map(|node| IpNet::from(std::net::IpAddr::V4((0x0a00_0000 + node * 7).into()))).collect();
        let pods: IpNet = "172.16.0.0/12".parse().unwrap();
        let few = at_most(64, &nodes.iter().copied().chain([pods]).collect::<Vec<_>>());
        assert!(few.len() <= 64 && few.contains(&pods), "{few:?}");
        assert!(nodes.iter().all(|node| few.iter().any(|network| network.contains(node))));
        assert!(few.iter().all(|network| network.prefix_len() >= 12), "{few:?}");
        assert_eq!(at_most(64, &[pods]), [pods]);
    }
}
