//! Next hops, compiled once for each configuration.

use std::{
    collections::HashMap,
    fmt, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use hickory_resolver::proto::rr::Name;
use ipnet::IpNet;
use postern_config::{DomainName, NextHop, NextHopTls, RouteTarget, Timeouts};
use rustls::pki_types::{ServerName, pem};

use super::{
    deadlines::Deadlines,
    tls::{Fingerprint, Link, Material, SystemRoots},
};
use crate::policy::Way;

/// Where the mail of a domain goes: the servers that take it, what TLS to them must give, and how long they may take.
pub struct Destination {
    label: Box<str>,
    target: RouteTarget,
    pub(super) hops: Box<[Hop]>,
    pub(super) deadlines: Deadlines,
}

/// One server of a destination.
#[derive(Debug)]
pub(super) struct Hop {
    /// `host:port`, for logs.
    pub(super) name: Arc<str>,
    pub(super) host: Host,
    pub(super) port: u16,
    /// Lower is asked first.
    pub(super) priority: u16,
    /// Share among hops of the same priority.
    pub(super) weight: u16,
    /// How connections to it are made.
    pub(super) link: Link,
    /// What tells it from servers that fail on their own: the link, the host and the port.
    pub(super) fingerprint: Fingerprint,
}

/// How a server is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Address(IpAddr),
    /// Absolute, so that no search list is ever tried.
    Name(Name),
}

/// Makes destinations of one configuration's next hops. Bundles and certificates are read once, however many domains name them.
pub struct Loader {
    folder: PathBuf,
    ehlo_name: Arc<str>,
    deadlines: Deadlines,
    system_roots: SystemRoots,
    materials: HashMap<NextHopTls, Arc<Material>>,
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
}

impl Loader {
    /// A loader for the configuration in `folder`. `ehlo_name` is what next hops hear in EHLO.
    #[must_use]
    pub fn new(folder: &Path, ehlo_name: &DomainName, timeouts: &Timeouts) -> Self {
        Self {
            folder: folder.to_owned(),
            ehlo_name: ehlo_name.as_str().into(),
            deadlines: Deadlines::new(timeouts),
            system_roots: SystemRoots::default(),
            materials: HashMap::new(),
        }
    }

    /// Compiles a way out. Reads files, so it may block.
    pub fn load(&mut self, way: &Way<'_>) -> Result<Destination, DestinationError> {
        let material = self.material(way.target.tls())?;
        let hops = match way.target {
            RouteTarget::Hosts { next_hops, .. } => {
                next_hops.hops.iter().map(|hop| self.hop(hop, &next_hops.tls, &material)).collect::<Result<_, _>>()?
            }
            RouteTarget::Mx(_) => Box::default(),
        };
        Ok(Destination { label: way.label.to_string().into(), target: way.target.clone(), hops, deadlines: self.deadlines })
    }

    fn hop(&self, hop: &NextHop, tls: &NextHopTls, material: &Material) -> Result<Hop, DestinationError> {
        let link = self.link(&hop.host, tls, material)?;
        let name: Arc<str> = format!("{}:{}", hop.host, hop.port).into();
        Ok(Hop {
            host: parse_host(&hop.host)?,
            port: hop.port,
            priority: hop.priority,
            weight: hop.weight,
            fingerprint: Fingerprint::of([&link.fingerprint.0[..], name.as_bytes()]),
            name,
            link,
        })
    }

    fn material(&mut self, tls: &NextHopTls) -> Result<Arc<Material>, DestinationError> {
        if let Some(material) = self.materials.get(tls) {
            return Ok(Arc::clone(material));
        }
        let material = Arc::new(Material::load(&self.folder, tls, &self.system_roots)?);
        self.materials.insert(tls.clone(), Arc::clone(&material));
        Ok(material)
    }

    fn link(&self, host: &str, tls: &NextHopTls, material: &Material) -> Result<Link, DestinationError> {
        let shown = tls.server_name.as_ref().map_or(host, DomainName::as_str);
        let server_name = ServerName::try_from(shown).map_err(|_| DestinationError::Host(shown.to_owned()))?.to_owned();
        Ok(Link::new(material, server_name, &self.ehlo_name))
    }
}

fn parse_host(host: &str) -> Result<Host, DestinationError> {
    if let Ok(address) = host.parse() {
        return Ok(Host::Address(address));
    }
    let mut name = Name::from_ascii(host).map_err(|_| DestinationError::Host(host.to_owned()))?;
    name.set_fqdn(true);
    Ok(Host::Name(name))
}

impl Destination {
    /// The domain or route that it was compiled for, for logs.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it was compiled from.
    #[must_use]
    pub fn target(&self) -> &RouteTarget {
        &self.target
    }

    /// Networks that the addresses of its servers must be in; any when empty.
    pub(super) fn allowed_cidrs(&self) -> &[IpNet] {
        self.target.next_hops().map_or(&[], |next_hops| &next_hops.allowed_cidrs)
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("label", &self.label).field("hops", &self.hops).finish_non_exhaustive()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("folder", &self.folder).finish_non_exhaustive()
    }
}
