//! Looks up the addresses of next hops.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RecordType},
    system_conf::read_system_conf,
};
use ipnet::IpNet;
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, timeout_at};

use super::{
    fault::{Failure, Fault, Step},
    hop::Host,
};

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

/// What DNS says is believed for as long as it says, and no longer than this.
const POSITIVE_MAX_TTL: Duration = Duration::from_hours(24);
/// The same for what DNS says is not there (RFC 2308 section 5 suggests one to three hours).
const NEGATIVE_MAX_TTL: Duration = Duration::from_hours(1);

/// Knows the addresses of hosts: from `/etc/hosts`, then from DNS, cached for as long as DNS says.
#[derive(Clone)]
pub struct Resolver {
    /// Asks any of the servers, and others while one is silent.
    any: TokioResolver,
    /// Each of several servers by itself. The library takes the word of the first one that says anything, SERVFAIL and REFUSED too, which are
    /// words on a server and not on a name.
    each: Arc<[TokioResolver]>,
}

impl Resolver {
    /// A resolver that asks whom the system's `resolv.conf` names.
    pub fn from_system() -> Result<Self, NetError> {
        let (config, options) = read_system_conf()?;
        Self::new(config, options)
    }

    /// A resolver that asks these servers, over UDP and TCP, and nobody else.
    pub(super) fn from_servers(servers: &[SocketAddr]) -> Result<Self, NetError> {
        let servers = servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.connections.iter_mut().for_each(|connection| connection.port = address.port());
            server
        });
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        Self::new(ResolverConfig::from_parts(None, Vec::new(), servers.collect()), options)
    }

    /// A resolver with a configuration of its own.
    pub fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, NetError> {
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.positive_max_ttl = Some(POSITIVE_MAX_TTL);
        options.negative_max_ttl = Some(NEGATIVE_MAX_TTL);
        let alone = |server: &NameServerConfig| ResolverConfig::from_parts(None, Vec::new(), vec![server.clone()]);
        let each = match config.name_servers() {
            [] | [_] => Arc::default(),
            several => several.iter().map(|server| build(alone(server), options.clone())).collect::<Result<_, _>>()?,
        };
        Ok(Self { any: build(config, options)?, each })
    }

    /// What DNS holds of one kind for a name. Only when no server can tell is there an error that is no word on the name.
    pub(super) async fn records(&self, name: &Name, kind: RecordType) -> Result<Lookup, NetError> {
        let mut said = self.any.lookup(name.clone(), kind).await;
        for server in &*self.each {
            if !said.as_ref().is_err_and(is_trouble) {
                break;
            }
            said = server.lookup(name.clone(), kind).await;
        }
        said
    }

    /// The addresses of `host` that lie in `allowed`, in the order in which they are tried: at random, IPv4 before IPv6, since a pod rarely
    /// has no IPv4.
    pub(super) async fn addresses(&self, host: &Host, allowed: &[IpNet], until: Instant) -> Result<Vec<IpAddr>, Failure> {
        let found = match host {
            Host::At(addresses) => Ok(addresses.clone()),
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
        let found = match timeout_at(until, self.any.lookup_ip(name.clone())).await {
            Err(_) => return Err(Fault::TimedOut),
            Ok(Err(error)) if error.is_nx_domain() || error.is_no_records_found() => return Err(Fault::NoAddress),
            Ok(Err(error)) => return Err(Fault::Dns(error.to_string())),
            Ok(Ok(lookup)) => lookup.iter().collect::<Vec<_>>(),
        };
        if found.is_empty() { Err(Fault::NoAddress) } else { Ok(found) }
    }
}

fn build(config: ResolverConfig, options: ResolverOpts) -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build()
}

/// Whether an error says nothing of the name.
fn is_trouble(error: &NetError) -> bool {
    !error.is_nx_domain() && !error.is_no_records_found()
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
