//! Makes destinations of what a configuration says of next hops.

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use hickory_resolver::proto::rr::Name;
use ipnet::IpNet;
use postern_config::{DomainName, Mx, NextHop, NextHopTls, NextHops, OutboundRoute, RelayConfig, RouteTarget, TlsWaiver};
use rustls::pki_types::{ServerName, pem};

use super::{
    auth::Authenticator,
    deadlines::Deadlines,
    destination::{Destination, Servers},
    hop::{Hop, Host},
    mx::{Guard, Plan, Waiver},
    tls::{Link, Material, SystemRoots},
};
use crate::policy::Way;

/// Makes destinations of one configuration's next hops. Bundles and certificates are read once, however many domains name them.
pub struct Loader {
    folder: PathBuf,
    hostname: Arc<str>,
    /// The names by which the relay is known, absolute.
    own_names: Arc<HashSet<Name>>,
    cluster: Arc<[IpNet]>,
    dns_servers: Arc<[SocketAddr]>,
    deadlines: Deadlines,
    system_roots: SystemRoots,
    materials: HashMap<NextHopTls, Arc<Material>>,
    /// By name.
    authenticators: HashMap<String, Arc<Authenticator>>,
}

/// Why next hops can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// A file that they name is not what it should be.
    #[error("{file}: {problem}")]
    File {
        /// The file, relative to the folder of the configuration.
        file: String,
        /// What is wrong with it.
        problem: FileProblem,
    },
    /// A host is neither a name nor an address.
    #[error("`{0}` is neither a host name nor an IP address")]
    Host(String),
    /// The TLS library refuses the settings.
    #[error("TLS to the next hop can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// What is wrong with a file of certificates or keys.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It can't be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is not PEM, or does not hold what it should.
    #[error("not PEM as expected: {0}")]
    Pem(#[from] pem::Error),
    /// There is no certificate in it.
    #[error("holds no certificate")]
    Empty,
    /// The TLS library can't use what it holds.
    #[error("{0}")]
    Unusable(#[from] rustls::Error),
    /// It is not JSON, or does not have the fields that it should. Nothing of it is named: it may be a secret.
    #[error("not JSON as expected: line {line}, column {column}")]
    Json {
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
    },
    /// It holds credentials that can't be used.
    #[error("{0}")]
    Credentials(&'static str),
}

impl FileProblem {
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        Self::Json { line: error.line(), column: error.column() }
    }
}

impl Loader {
    /// A loader for the configuration in `folder`, whose root is `root`.
    #[must_use]
    pub fn new(folder: &Path, root: &RelayConfig) -> Self {
        let ehlo_names = root.routes.iter().filter_map(|route: &OutboundRoute| route.ehlo_name.as_ref());
        Self {
            folder: folder.to_owned(),
            hostname: root.hostname.as_str().into(),
            own_names: Arc::new(ehlo_names.chain([&root.hostname]).filter_map(|name| absolute(name.as_str())).collect()),
            cluster: root.cluster_cidrs.as_slice().into(),
            dns_servers: root.dns_servers.as_slice().into(),
            deadlines: Deadlines::new(&root.timeouts),
            system_roots: SystemRoots::default(),
            materials: HashMap::new(),
            authenticators: HashMap::new(),
        }
    }

    /// Compiles a way out. Reads files, so it may block.
    pub fn load(&mut self, way: &Way<'_>) -> Result<Destination, DestinationError> {
        let ehlo_name = way.ehlo_name.map_or_else(|| Arc::clone(&self.hostname), |name| name.as_str().into());
        let servers = match way.target {
            RouteTarget::Hosts { next_hops, credentials } => Servers::Named(self.hops(next_hops, credentials.as_deref(), &ehlo_name)?),
            RouteTarget::Mx(mx) => Servers::ByMx(self.plan(mx, ehlo_name)?),
        };
        Ok(Destination { label: way.label.to_string().into(), target: way.target.clone(), servers, deadlines: self.deadlines })
    }

    fn hops(&mut self, next_hops: &NextHops, credentials: Option<&str>, ehlo_name: &Arc<str>) -> Result<Box<[Hop]>, DestinationError> {
        let material = self.material(&next_hops.tls)?;
        let authenticator = credentials.map(|name| self.authenticator(name)).transpose()?;
        let link = |server_name| Link::new(&material, server_name, ehlo_name).authenticated_by(authenticator.clone());
        next_hops.hops.iter().map(|hop| named(hop, &next_hops.tls, link)).collect()
    }

    fn authenticator(&mut self, name: &str) -> Result<Arc<Authenticator>, DestinationError> {
        if let Some(authenticator) = self.authenticators.get(name) {
            return Ok(Arc::clone(authenticator));
        }
        let authenticator = Arc::new(Authenticator::load(&self.folder, name, || self.system_roots.client_config())?);
        self.authenticators.insert(name.to_owned(), Arc::clone(&authenticator));
        Ok(authenticator)
    }

    fn plan(&mut self, mx: &Mx, ehlo_name: Arc<str>) -> Result<Plan, DestinationError> {
        let material = self.material(&mx.tls)?;
        Ok(Plan {
            material,
            waivers: mx.waivers.iter().map(|waiver| self.waiver(waiver, &mx.tls)).collect::<Result<_, _>>()?,
            guard: Guard { exceptions: mx.allow_cidrs.as_slice().into(), cluster: Arc::clone(&self.cluster) },
            own_names: Arc::clone(&self.own_names),
            dns_servers: Arc::clone(&self.dns_servers),
            ehlo_name,
            port: mx.port,
        })
    }

    fn waiver(&mut self, waiver: &TlsWaiver, tls: &NextHopTls) -> Result<Waiver, DestinationError> {
        let material = self.material(&NextHopTls { mode: waiver.mode, ..tls.clone() })?;
        Ok(Waiver { domain: waiver.domain.clone(), until: waiver.until, material })
    }

    fn material(&mut self, tls: &NextHopTls) -> Result<Arc<Material>, DestinationError> {
        if let Some(material) = self.materials.get(tls) {
            return Ok(Arc::clone(material));
        }
        let material = Arc::new(Material::load(&self.folder, tls, &self.system_roots)?);
        self.materials.insert(tls.clone(), Arc::clone(&material));
        Ok(material)
    }
}

fn named(hop: &NextHop, tls: &NextHopTls, link: impl Fn(ServerName<'static>) -> Link) -> Result<Hop, DestinationError> {
    let not_a_host = |host: &str| DestinationError::Host(host.to_owned());
    let shown = tls.server_name.as_ref().map_or(hop.host.as_str(), DomainName::as_str);
    let server_name = ServerName::try_from(shown).map_err(|_| not_a_host(shown))?.to_owned();
    let host = match hop.host.parse() {
        Ok(address) => Host::At(vec![address]),
        Err(_) => Host::Name(absolute(&hop.host).ok_or_else(|| not_a_host(&hop.host))?),
    };
    Ok(Hop::new(&hop.host, host, hop.port, (hop.priority, hop.weight), link(server_name)))
}

/// `name` as an absolute name, so that no search list is ever tried; `None` when it is no name.
pub(super) fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok()?;
    name.set_fqdn(true);
    Some(name)
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("folder", &self.folder).finish_non_exhaustive()
    }
}
