//! Pods of one relay: each on a loopback address of its own, all on the same port, known by one name.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use axum::Router;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use jiff::Timestamp;
use postern_config::{
    ListenerTls,
    material::{IDENTITY_CA, IDENTITY_CERTIFICATE, IDENTITY_KEY},
};
use postern_relay::{
    admin::{Control, Watched},
    delivery::{self, Outbound, Resolver},
    handover::{Metrics, Outcome, Peers, Receiver, Sender},
    intake::Inlet,
    listen::{Admission, Clients, Drain},
    queue,
    snapshot::{Snapshot, Store},
};
use postern_spool::{Local, Settings, directory::Disk};
use postern_tests::{
    config::{HOSTNAME, RelayFolder},
    http,
    name_server::{Answer, NameServer},
    pki::Authority,
    poll, port,
};
use prometheus_client::{encoding::prometheus_text, registry::Registry};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::Instant};

/// The name that all pods bear in their identities.
pub(crate) const IDENTITY: &str = "edge.mail.relay.postern.internal";
/// The name that has the addresses of all pods.
const PEERS: &str = "edge-peers.mail.svc.cluster.local";
/// Much more than any hand-over of a test takes.
const GRACE: Duration = Duration::from_mins(3);

/// What the pods have in common.
pub(crate) struct Relay {
    pub(crate) authority: Authority,
    port: u16,
    shows: Authority,
}

/// One pod. Dropping it kills it.
pub(crate) struct Pod {
    pub(crate) spool: Local,
    pub(crate) drain: Drain,
    pub(crate) address: SocketAddr,
    folder: RelayFolder,
    store: Arc<Store>,
    metrics: Metrics,
    watched: Arc<Watched>,
    control: JoinHandle<()>,
    _at: TempDir,
}

impl Relay {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { authority: Authority::new("Identity CA")?, port: port::free()?, shows: Authority::new("Edge CA")? })
    }

    /// A pod on 127.0.1.`host` with an open queue.
    pub(crate) async fn pod(&self, host: u8) -> Result<Pod> {
        self.pod_with(host, 1 << 30, |routes| routes).await
    }

    /// The same with a quota, and with what it answers peers changed.
    pub(crate) async fn pod_with(&self, host: u8, quota: u64, change: impl FnOnce(Router) -> Router) -> Result<Pod> {
        let at = TempDir::new()?;
        let mut folder = RelayFolder::new(&at.path().join("config"))?;
        folder.listen("submission", ListenerTls::StartTls)?;
        folder.spool("submission");
        folder.show(&self.shows.server(&[HOSTNAME])?)?;
        let identity = self.authority.identity(IDENTITY)?;
        self.authority.write(&folder.path().join(IDENTITY_CA))?;
        fs::write(folder.path().join(IDENTITY_CERTIFICATE), identity.pem())?;
        fs::write(folder.path().join(IDENTITY_KEY), identity.key_pem())?;
        folder.write()?;
        let spool = Local::open(Disk::open(&at.path().join("queue"))?, Settings::for_quota(quota)).await?.0;
        let pod = Pod::start(SocketAddr::from((Ipv4Addr::new(127, 0, 1, host), self.port)), folder, spool, change, at)?;
        // Nobody is answered before the identity is in use; then somebody who is nobody hears so.
        let nobody = self.authority.client_config_showing(&self.authority.identity("nobody")?)?;
        let answered = async || http::get_tls(pod.address, IDENTITY, Arc::clone(&nobody), "/").await.ok();
        poll::until("the identity to be in use", answered).await?;
        Ok(pod)
    }

    /// Who is found under the name of all pods.
    pub(crate) async fn peers(&self, pods: &[&Pod]) -> Result<(Arc<Peers>, NameServer)> {
        let addresses: Vec<IpAddr> = pods.iter().map(|pod| pod.address.ip()).collect();
        let names = NameServer::start(&[(PEERS, Answer::Addresses(addresses))]).await?;
        let mut server = NameServerConfig::udp(names.address().ip());
        server.connections.iter_mut().for_each(|connection| connection.port = names.address().port());
        let resolver = Resolver::new(ResolverConfig::from_parts(None, vec![], vec![server]), ResolverOpts::default())?;
        Ok((Arc::new(Peers::new(PEERS, self.port, resolver)?), names))
    }
}

impl Pod {
    fn start(address: SocketAddr, folder: RelayFolder, spool: Local, change: impl FnOnce(Router) -> Router, at: TempDir) -> Result<Self> {
        let (mut registry, store, drain) = <(Registry, Arc<Store>, Drain)>::default();
        let inlet = Inlet::new(Outbound::new(Resolver::from_system()?, delivery::Metrics::register(&mut registry)));
        store.replace(Arc::new(Snapshot::load(folder.path()).map_err(|error| anyhow::anyhow!("{:?}", error.reasons()))?));
        inlet.open(spool.clone());
        let metrics = Metrics::register(&mut registry);
        let receiver = Receiver { inlet, store: Arc::clone(&store), drain: drain.clone(), metrics: metrics.clone() };
        let watched = Arc::new(Watched {
            store: Arc::clone(&store),
            admission: Arc::<Admission>::default(),
            drain: drain.clone(),
            clients: Clients::register(&mut registry),
            queue: queue::Metrics::register(&mut registry),
            started_at: Timestamp::now(),
            registry,
        });
        let control = Control::bind(address, folder.path())?.for_peers(change(receiver.routes()));
        let control = tokio::spawn(control.run(Arc::clone(&watched)));
        Ok(Self { spool, drain, address, folder, store, metrics, watched, control, _at: at })
    }

    /// Ends it as SIGTERM does, and hands its queue over to `peers`.
    pub(crate) async fn hand_over(&self, peers: Arc<Peers>) -> Outcome {
        self.hand_over_within(peers, GRACE).await
    }

    pub(crate) async fn hand_over_within(&self, peers: Arc<Peers>, grace: Duration) -> Outcome {
        let until = Instant::now() + grace;
        self.drain.run(grace).await;
        let sender = Sender {
            spool: Arc::new(self.spool.clone()),
            peers,
            folder: PathBuf::from(self.folder.path()),
            durable: true,
            drain: self.drain.clone(),
            metrics: self.metrics.clone(),
        };
        sender.run(until).await
    }

    /// Has the configuration say something else from now on.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut RelayFolder)) -> Result<()> {
        change(&mut self.folder);
        self.folder.write()?;
        let snapshot = Snapshot::load(self.folder.path()).map_err(|error| anyhow::anyhow!("{:?}", error.reasons()))?;
        self.store.replace(Arc::new(snapshot));
        Ok(())
    }

    /// The value of a metric, 0 when it is not there.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.watched.registry).unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map_or(0, |value| value.parse().unwrap())
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.control.abort();
    }
}
