//! Looks up the addresses of next hops.

use std::{fmt, net::IpAddr};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    system_conf::read_system_conf,
};
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, timeout_at};

use super::{
    destination::Host,
    fault::{Failure, Fault, Step},
};

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

/// Knows the addresses of hosts: from `/etc/hosts`, then from DNS, cached for as long as DNS says.
#[derive(Clone)]
pub struct Resolver(TokioResolver);

impl Resolver {
    /// A resolver that asks whom the system's `resolv.conf` names.
    pub fn from_system() -> Result<Self, NetError> {
        let (config, options) = read_system_conf()?;
        Self::new(config, options)
    }

    /// A resolver with a configuration of its own.
    pub fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, NetError> {
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        builder.build().map(Self)
    }

    /// The addresses of `host` in the order in which they are tried: at random, IPv4 before IPv6, since a pod rarely has no IPv4.
    pub(super) async fn addresses(&self, host: &Host, until: Instant) -> Result<Vec<IpAddr>, Failure> {
        let name = match host {
            Host::Address(address) => return Ok(vec![*address]),
            Host::Name(name) => name.clone(),
        };
        let found = match timeout_at(until, self.0.lookup_ip(name)).await {
            Err(_) => Err(Fault::TimedOut),
            Ok(Err(error)) if error.is_nx_domain() || error.is_no_records_found() => Err(Fault::NoAddress),
            Ok(Err(error)) => Err(Fault::Dns(error.to_string())),
            Ok(Ok(lookup)) => Ok(lookup.iter().collect::<Vec<_>>()),
        };
        match found {
            Ok(addresses) if addresses.is_empty() => Err(Fault::NoAddress),
            other => other.map(in_order),
        }
        .map_err(|fault| Step::Resolve.failed(fault))
    }
}

fn in_order(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.shuffle(&mut rand::rng());
    addresses.sort_by_key(IpAddr::is_ipv6);
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}
