//! A relay within the test's process: the real folder, ports, sessions and admin port, with a next hop that takes everything.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, ensure};
use jiff::Timestamp;
use postern_config::{ListenerTls, NextHopTlsMode};
use postern_relay::{
    admin::{self, Control, Server, Watched},
    auth::{self, Authenticator},
    delivery::{self, Outbound, Resolver},
    intake::Inlet,
    listen::{self, Admission, Clients, Drain, Drained, Gate, Ports, Surroundings},
    message::{self, Budgets},
    queue,
    reload::{self, Prove, Reloader},
    session::{self, Service},
    snapshot::{Snapshot, Store},
    tls,
};
use postern_spool::Local;
use postern_tests::{
    client::{Client, Trust},
    config::{HOSTNAME, RelayFolder},
    http,
    pki::Authority,
    poll,
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};

use crate::delivery::Taken;

/// An edit must be seen within this, far more than it takes, and less than the slow poll that is there for file systems that tell nothing.
const BEFORE_THE_POLL: Duration = Duration::from_secs(25);

/// The address of the node that the relay runs on.
pub(crate) const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// A relay that follows [`Self::folder`]. Dropping it stops all of it.
pub(crate) struct Running {
    pub(crate) folder: RelayFolder,
    pub(crate) authority: Authority,
    pub(crate) admin: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) taken: Taken,
    pub(crate) proof: Proof,
    pub(crate) watched: Arc<Watched>,
    drain: Drain,
    _tasks: JoinSet<()>,
    _at: TempDir,
}

/// Says of every configuration what the test wants to hear.
#[derive(Clone, Default)]
pub(crate) struct Proof(Arc<Mutex<Vec<String>>>);

impl Proof {
    /// From now on, every configuration is refused for `reason`.
    pub(crate) fn fails(&self, reason: &str) {
        self.0.lock().unwrap().push(reason.to_owned());
    }
}

impl Prove for Proof {
    async fn prove(&self, _: &Arc<Snapshot>) -> Result<(), Vec<String>> {
        let reasons = self.0.lock().unwrap().clone();
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }
}

impl Running {
    /// A relay with an empty folder.
    pub(crate) fn waiting() -> Result<Self> {
        let at = TempDir::new()?;
        let authority = Authority::new("Edge CA")?;
        let mut folder = RelayFolder::new(&at.path().join("config"))?;
        std::fs::create_dir(folder.path())?;
        folder.accept("example.com", 25, NextHopTlsMode::Opportunistic)?;
        let (mut registry, store, admission, drain) = <(Registry, Arc<Store>, Arc<Admission>, Drain)>::default();
        let (taken, proof) = <(Taken, Proof)>::default();
        let messages = message::Store::open(at.path(), Budgets { memory_bytes: 0, scratch_bytes: 0 }, message::Metrics::default())?;
        let clients = Clients::register(&mut registry);
        admin::register_version(&mut registry);
        let gate = Gate {
            store: Arc::clone(&store),
            admission: Arc::clone(&admission),
            surroundings: Surroundings { host_addresses: vec![NODE] },
            clients: clients.clone(),
            serve: Service {
                configuration: Arc::clone(&store),
                deliver: taken.clone(),
                queue: Inlet::<Local>::new(Outbound::new(Resolver::from_system()?, delivery::Metrics::register(&mut Registry::default()))),
                authenticator: Authenticator::new(auth::Metrics::register(&mut Registry::default())),
                rates: auth::Rates::default(),
                store: messages.clone(),
                metrics: session::Metrics::default(),
            },
            drain: drain.clone(),
            metrics: listen::Metrics::register(&mut registry),
            tls_metrics: tls::Metrics::register(&mut registry),
        };
        let reloader = Reloader {
            folder: folder.path().to_owned(),
            store: Arc::clone(&store),
            ports: Ports::new(IpAddr::V4(Ipv4Addr::LOCALHOST), gate),
            prove: proof.clone(),
            messages,
            metrics: reload::Metrics::register(&mut registry),
        };
        let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let admin = server.address()?;
        let control_server = Control::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), folder.path())?;
        let control = control_server.address()?;
        let queue = queue::Metrics::register(&mut registry);
        let watched = Arc::new(Watched { store, admission, drain: drain.clone(), clients, queue, started_at: Timestamp::now(), registry });
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(Arc::clone(&watched)));
        tasks.spawn(control_server.run(Arc::clone(&watched)));
        tasks.spawn(reloader.run());
        Ok(Self { folder, authority, admin, control, taken, proof, watched, drain, _tasks: tasks, _at: at })
    }

    /// A relay called [`HOSTNAME`] for `example.com` with one listener, `mx`, ready. `adjust` may change its configuration before.
    pub(crate) async fn start(tls: ListenerTls, adjust: impl FnOnce(&mut RelayFolder)) -> Result<Self> {
        let mut relay = Self::waiting()?;
        relay.folder.listen("mx", tls)?;
        relay.folder.show(&relay.authority.server(&[HOSTNAME])?)?;
        adjust(&mut relay.folder);
        relay.edit(|_| {}).await?;
        Ok(relay)
    }

    /// Changes the configuration and waits until it is in use.
    pub(crate) async fn edit(&mut self, change: impl FnOnce(&mut RelayFolder)) -> Result<()> {
        change(&mut self.folder);
        let hash = self.folder.write()?;
        self.soon("the configuration to be in use", async |status| status["configHash"] == *hash).await?;
        Ok(())
    }

    /// Waits until `/status` holds what `is_so` looks for; too long means that only the slow poll would have seen it.
    pub(crate) async fn soon(&self, what: &str, is_so: impl AsyncFn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        let status = poll::until(what, async || {
            let status = self.status().await.ok()?;
            is_so(&status).await.then_some(status)
        })
        .await?;
        ensure!(begun.elapsed() < BEFORE_THE_POLL, "it took {:?} for {what}", begun.elapsed());
        Ok(status)
    }

    /// Waits until `/status` shows a refusal whose reasons hold `text`, and gives it.
    pub(crate) async fn refusal(&self, text: &str) -> Result<Value> {
        let status = self.soon(&format!("a refusal for {text:?}"), async |status| reasons(status).contains(text)).await?;
        Ok(status["lastRefusal"].clone())
    }

    /// `/status`, now.
    pub(crate) async fn status(&self) -> Result<Value> {
        http::get_json(self.admin, "/status").await
    }

    /// The value of a metric, written with its labels as Prometheus does; 0 when it is not there.
    pub(crate) async fn metric(&self, name: &str) -> Result<u64> {
        let text = http::get(self.admin, "/metrics").await?.body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.map_or(Ok(0), str::parse)?)
    }

    /// The address of the listener at `index`.
    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.folder.root.listeners[index].port))
    }

    /// A connection to the first listener, nothing read yet.
    pub(crate) async fn connect(&self) -> Result<Client> {
        Client::connect(self.address(0)).await
    }

    /// A client of the first listener that said EHLO.
    pub(crate) async fn client(&self) -> Result<Client> {
        let mut client = self.connect().await?;
        client.expect(220).await?;
        client.ask("EHLO client.test", 250).await?;
        Ok(client)
    }

    /// What a client trusts that expects a certificate for `name`.
    pub(crate) fn trust(&self, name: &str) -> Result<Trust> {
        Trust::new(&self.authority, name)
    }

    /// Ends as after SIGTERM.
    pub(crate) async fn drain(&self, grace: Duration) -> Drained {
        self.drain.run(grace).await
    }
}

/// The reasons of the last refusal, one a line.
fn reasons(status: &Value) -> String {
    let reasons = status["lastRefusal"]["reasons"].as_array();
    reasons.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}
