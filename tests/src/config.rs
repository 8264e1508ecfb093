//! A relay's configuration folder, written without the operator.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use postern_config::{
    Configuration, Database, DatabaseTls, Delivery, Domain, DomainName, DomainType, Limits, Listener, ListenerTls, MIN_READER, NextHop,
    NextHopTls, NextHopTlsMode, NextHops, RecipientList, RecipientValidation, RelayConfig, RetryTimes, Role, ServerTls, Spool, Storage,
    Timeouts, TlsVersion, VERSION,
    folder::ROOT_FILE,
    material::{database_file, trust_file},
    validate::validate,
};

use crate::{
    pki::{Authority, Certificate},
    port,
    postgres::{self, Postgres},
};

/// Name of the relay that the folder configures, and of the certificate that it shows.
pub const HOSTNAME: &str = "mx1.example.com";
/// Name of the relay's certificate.
pub const CERTIFICATE: &str = "mx1";
/// Name of the bundle that next hops are verified with.
const NEXT_HOP_CA: &str = "internal-ca";
/// Name of the bundle that client certificates are verified with.
pub const CLIENT_CA: &str = "client-ca";
/// Name of the database's address.
const DATABASE: &str = "queue";

/// A configuration folder of one relay. Change the public parts as a test needs, then [`write`](RelayFolder::write).
pub struct RelayFolder {
    folder: PathBuf,
    /// The root; `files` is filled when it is written.
    pub root: RelayConfig,
    /// The accepted domains.
    pub domains: Vec<Domain>,
    /// Recipient lists, by file name.
    pub recipients: BTreeMap<String, RecipientList>,
}

impl RelayFolder {
    /// A relay called [`HOSTNAME`] without listeners and domains, in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let root = RelayConfig {
            version: VERSION,
            min_reader: MIN_READER,
            relay: "mail/edge".to_owned(),
            generation: 1,
            hostname: DomainName::parse(HOSTNAME)?,
            postmaster: None,
            listeners: Vec::new(),
            tls: ServerTls { min_version: TlsVersion::V1_2, certificates: vec![CERTIFICATE.to_owned()] },
            limits: limits(),
            timeouts: timeouts(),
            cluster_cidrs: Vec::new(),
            users: Vec::new(),
            routes: Vec::new(),
            dns_servers: Vec::new(),
            spool: None,
            files: BTreeMap::new(),
        };
        Ok(Self { folder: folder.to_owned(), root, domains: Vec::new(), recipients: BTreeMap::new() })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Adds an inbound listener on a free port, which is returned.
    pub fn listen(&mut self, name: &str, tls: ListenerTls) -> Result<u16> {
        let port = port::free()?;
        self.root.listeners.push(Listener {
            name: name.to_owned(),
            role: Role::Inbound,
            port,
            tls,
            delivery: Delivery::PassThrough,
            proxy_protocol: None,
            client_cas: Vec::new(),
            trusted: None,
        });
        Ok(port)
    }

    /// Gives the relay a queue on its own disk, through which the listener `name` delivers from now on.
    pub fn spool(&mut self, name: &str) {
        self.root.spool.get_or_insert(Spool {
            storage: Storage::Directory { durable: true, quota_bytes: Some(1 << 30) },
            retry: RetryTimes { first_seconds: 1, longest_seconds: 60 },
            lifetime_seconds: 432_000,
            delay_warning_seconds: None,
            deliveries: 100,
            deliveries_per_destination: 20,
        });
        for listener in self.root.listeners.iter_mut().filter(|listener| listener.name == name) {
            listener.delivery = Delivery::Spool;
        }
    }

    /// Puts the queue, which [`spool`](Self::spool) gave the relay, into the database `postgres` of `server`.
    pub fn store_in(&mut self, server: &Postgres) -> Result<()> {
        let spool = self.root.spool.as_mut().context("a relay without a queue")?;
        spool.storage = Storage::Postgres { database: DATABASE.to_owned(), connections: 5 };
        let database = Database {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            database: "postgres".to_owned(),
            username: postgres::ROLE.to_owned(),
            password: String::new(),
            tls: DatabaseTls::Clear,
            ca_certificates: None,
        };
        fs::create_dir_all(&self.folder)?;
        fs::write(self.folder.join(database_file(DATABASE)), serde_json::to_vec(&database)?)?;
        Ok(())
    }

    /// Adds an Authoritative domain whose next hop, which says what recipients exist, is 127.0.0.1 on `port`.
    pub fn accept(&mut self, domain: &str, port: u16, tls: NextHopTlsMode) -> Result<()> {
        self.domains.push(Domain {
            name: DomainName::parse(domain)?,
            include_subdomains: false,
            kind: DomainType::Authoritative { next_hops: next_hops(port, tls), recipients: RecipientValidation::NextHop },
            blocked: Vec::new(),
        });
        Ok(())
    }

    /// Writes the certificate that the relay shows.
    pub fn show(&self, certificate: &Certificate) -> Result<()> {
        certificate.write_as(&self.folder, CERTIFICATE)
    }

    /// Writes the authority that next hops are verified with.
    pub fn trust(&self, authority: &Authority) -> Result<()> {
        authority.write(&self.folder.join(trust_file(NEXT_HOP_CA)))
    }

    /// Writes the authority that certificates of clients are verified with.
    pub fn trust_clients(&self, authority: &Authority) -> Result<()> {
        authority.write(&self.folder.join(trust_file(CLIENT_CA)))
    }

    /// Checks the configuration and writes its files, the root last, each by a rename. Returns its hash.
    pub fn write(&self) -> Result<String> {
        let configuration = Configuration::assemble(self.root.clone(), self.domains.clone(), self.recipients.clone());
        let violations = validate(&configuration);
        ensure!(violations.is_empty(), "the harness made a wrong configuration: {violations:?}");
        fs::create_dir_all(&self.folder)?;
        let mut files = configuration.files();
        let root = files.remove_entry(ROOT_FILE).context("a configuration without its root")?;
        for (name, bytes) in files.into_iter().chain([root]) {
            let temporary = self.folder.join(format!(".{name}.new"));
            fs::write(&temporary, bytes)?;
            fs::rename(temporary, self.folder.join(name))?;
        }
        Ok(configuration.hash().to_owned())
    }
}

/// The server 127.0.0.1 on `port`, verified with the authority of [`RelayFolder::trust`] when `tls` says so.
#[must_use]
pub fn next_hops(port: u16, tls: NextHopTlsMode) -> NextHops {
    let trust = match tls {
        NextHopTlsMode::Verify => vec![NEXT_HOP_CA.to_owned()],
        NextHopTlsMode::Encrypt | NextHopTlsMode::Opportunistic => Vec::new(),
    };
    NextHops {
        hops: vec![NextHop { host: "127.0.0.1".to_owned(), port, priority: 10, weight: 1 }],
        tls: NextHopTls { mode: tls, server_name: None, trust, client_certificate: None },
        allowed_cidrs: Vec::new(),
    }
}

/// What the API's defaults are, but for the limits per client: all clients of a test share one address.
fn limits() -> Limits {
    Limits {
        message_bytes: 36_700_160,
        recipients: 100,
        connections: 5_000,
        connections_per_client: 5_000,
        messages_per_client_per_minute: 1_000_000,
        memory_bytes: 64 << 20,
        scratch_bytes: 1 << 30,
        shared_source_cidrs: Vec::new(),
    }
}

fn timeouts() -> Timeouts {
    Timeouts { client_command_seconds: 300, client_data_seconds: 180, next_hop_command_seconds: 60, next_hop_final_reply_seconds: 120 }
}
