//! Looks up the addresses of next hops.

use std::{fmt, net::IpAddr};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::Name,
    system_conf::read_system_conf,
};
use ipnet::IpNet;
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

    /// The addresses of `host` that lie in `allowed`, in the order in which they are tried: at random, IPv4 before IPv6, since a pod rarely
    /// has no IPv4.
    pub(super) async fn addresses(&self, host: &Host, allowed: &[IpNet], until: Instant) -> Result<Vec<IpAddr>, Failure> {
        let found = match host {
            Host::Address(address) => Ok(vec![*address]),
            Host::Name(name) => self.look_up(name, until).await,
        };
        found.and_then(|addresses| only(addresses, allowed)).map(in_order).map_err(|fault| Step::Resolve.failed(fault))
    }

    /// Every address of `name`, which is absolute; none when there is no such name.
    pub(crate) async fn everyone(&self, name: &Name, until: Instant) -> Result<Vec<IpAddr>, String> {
        match self.look_up(name, until).await {
            Err(Fault::NoAddress) => Ok(Vec::new()),
            found => found.map_err(|fault| fault.to_string()),
        }
    }

    async fn look_up(&self, name: &Name, until: Instant) -> Result<Vec<IpAddr>, Fault> {
        let found = match timeout_at(until, self.0.lookup_ip(name.clone())).await {
            Err(_) => return Err(Fault::TimedOut),
            Ok(Err(error)) if error.is_nx_domain() || error.is_no_records_found() => return Err(Fault::NoAddress),
            Ok(Err(error)) => return Err(Fault::Dns(error.to_string())),
            Ok(Ok(lookup)) => lookup.iter().collect::<Vec<_>>(),
        };
        if found.is_empty() { Err(Fault::NoAddress) } else { Ok(found) }
    }
}

/// Whoever may name a next hop must not reach more by its name than by its addresses. `::ffff:192.0.2.1` is 192.0.2.1, which is where a
/// connection to it would go.
fn only(addresses: Vec<IpAddr>, allowed: &[IpNet]) -> Result<Vec<IpAddr>, Fault> {
    let is_allowed = |address: &IpAddr| allowed.is_empty() || allowed.iter().any(|network| network.contains(address));
    let left: Vec<_> = addresses.iter().map(IpAddr::to_canonical).filter(is_allowed).collect();
    if left.is_empty() { Err(Fault::NotAllowed(addresses)) } else { Ok(left) }
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
