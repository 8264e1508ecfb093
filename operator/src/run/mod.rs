//! The controller: follows the cluster's resources and brings relays to what they say.
//!
//! Every replica watches; the one that holds the lease writes. Nothing is reconciled before everything was listed once: what is not known yet
//! would look like what is gone.

mod client;
mod controller;
pub mod log;
mod options;

use std::{env, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    build::Settings,
    cluster::{
        Context, Permits, World,
        fetch::fetch_targets,
        health::{Server, Watched},
        lease::{Candidate, ClusterLease, Ended},
        liveness::Liveness,
        metrics::Metrics,
        permit::{Standing, WRITE_TIMEOUT},
        streams::watch_everything,
        world::Queues,
    },
    labels::OPERATOR,
    reconcile::Desk,
};
use controller::{Controller, Shared};
pub use options::Options;

/// The name of the lease.
const LEASE: &str = OPERATOR;
/// For reconciles to end after the signal to stop: one write, and what leads to it.
const MARGIN: Duration = WRITE_TIMEOUT.saturating_mul(2);

/// Runs until SIGTERM or SIGINT, or until the lease is lost.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    log::start(&options.log).context("can't log")?;
    Builder::new_multi_thread().enable_all().build()?.block_on(control(options))
}

async fn control(options: &Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install().context("can't catch signals")?;
    let server = Server::bind(options.admin).await.with_context(|| format!("admin port {}", options.admin))?;
    let config = client::config().await.context("can't find the API server")?;
    let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let api = client::client(&config).context("can't make a client of the API server")?;
    let lease = client::client(&config).context("can't make a client of the API server")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), server = %config.cluster_url, namespace, admin = %server.address()?, "starting");

    let stop = CancellationToken::new();
    let (standing, permits) = watch::channel(Standing::Standby);
    let mut background = JoinSet::new();
    let operator = Operator::start(options, &api, Permits::new(permits), &mut background);
    background.spawn(server.run(operator.watched(stop.clone())));
    // Renewals go on until the last write has ended.
    let release = CancellationToken::new();
    let mut election = elect(options, lease, &namespace, standing, release.clone());
    let context = operator.context(options, &api, namespace, identity());
    let tasks = TaskTracker::new();
    tokio::select! {
        signal = signals.next() => tracing::info!(signal, "ending: no reconcile begins any more"),
        ended = &mut election => {
            ended.context("the lease")?;
            bail!("the lease is lost; another replica carries on");
        }
        Some(ended) = background.join_next() => {
            ended.context("a background task")?;
            bail!("a background task ended");
        }
        () = operator.work(options, context, tasks.clone()) => bail!("the controllers ended"),
    }
    stop.cancel();
    tasks.close();
    if timeout(MARGIN, tasks.wait()).await.is_err() {
        tracing::warn!("not every reconcile ended in time; the next replica finishes what they began");
    }
    release.cancel();
    if let Ok(ended) = timeout(MARGIN, election).await {
        ended.context("the lease")?;
    } else {
        tracing::warn!("the lease was not given back in time; it ends by itself");
    }
    Ok(ExitCode::SUCCESS)
}

/// The parts of the operator, each knowing the others that it needs.
struct Operator {
    world: Arc<World>,
    queues: Queues,
    liveness: Arc<Liveness>,
    metrics: Arc<Metrics>,
    permits: Permits,
}

impl Operator {
    /// Begins to watch.
    fn start(options: &Options, client: &Client, permits: Permits, background: &mut JoinSet<()>) -> Self {
        let queues = Queues::default();
        let world = Arc::new(World::new(options.scope(), queues.clone()));
        let liveness = Arc::new(watch_everything(client, &world, options.cert_manager, background));
        background.spawn(fetch_targets(client.clone(), Arc::clone(&world), Arc::clone(&queues.targets)));
        Self { world, queues, liveness, metrics: Arc::default(), permits }
    }

    fn watched(&self, stop: CancellationToken) -> Watched {
        Watched {
            liveness: Arc::clone(&self.liveness),
            world: Arc::clone(&self.world),
            queues: self.queues.clone(),
            permits: self.permits.clone(),
            metrics: Arc::clone(&self.metrics),
            stop,
        }
    }

    fn context(&self, options: &Options, client: &Client, namespace: String, instance: String) -> Context {
        let desk = Desk::new(client, &self.permits, &self.world, &namespace, instance);
        Context {
            world: Arc::clone(&self.world),
            permits: self.permits.clone(),
            settings: Settings { namespace, cluster_domain: options.cluster_domain.clone(), relays: options.relays.clone() },
            cluster_cidrs: options.cluster_cidrs.clone(),
            desk: Arc::new(desk),
        }
    }

    /// Reconciles, from when everything is known and this replica leads, until it is dropped. What has begun goes on among `tasks`.
    async fn work(&self, options: &Options, context: Context, tasks: TaskTracker) {
        self.liveness.synced().await;
        tracing::info!(relays = self.world.relay_count(), "everything is listed");
        let shared = Shared { context: Arc::new(context), metrics: Arc::clone(&self.metrics), tasks };
        let concurrency = usize::from(options.concurrency);
        tokio::join!(
            Controller::Relay.run(&self.queues.relays, concurrency, &shared),
            Controller::Domain.run(&self.queues.domains, concurrency, &shared),
        );
    }
}

/// Takes part in the election, if there is one, until `release`; ends sooner when the lease is lost.
fn elect(
    options: &Options,
    client: Client,
    namespace: &str,
    standing: watch::Sender<Standing>,
    release: CancellationToken,
) -> JoinHandle<Ended> {
    if !options.leader_elect {
        standing.send_replace(Standing::Alone);
        return tokio::spawn(async move {
            release.cancelled().await;
            standing.send_replace(Standing::Standby);
            Ended::Stopped
        });
    }
    let lease = ClusterLease::new(Api::<Lease>::namespaced(client, namespace), LEASE);
    tokio::spawn(Candidate::new(lease, identity(), standing).run(release))
}

/// This process among all that ever were: the pod's name tells people, the rest tells it from its own last life.
fn identity() -> String {
    let pod = env::var("HOSTNAME").unwrap_or_else(|_| OPERATOR.to_owned());
    format!("{pod}_{:016x}", rand::random::<u64>())
}

/// Signals that ask the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one, and names it.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
