//! The relay as a process: options, and the parts that they set up.

mod ending;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::AsFd as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::Router;
use clap::{Args, Parser, Subcommand};
use ending::Ending;
use jiff::Timestamp;
use mimalloc::MiMalloc;
use postern_relay::{
    admin::{self, Control, Server, Watched},
    auth::{self, Authenticator},
    delivery::{self, Outbound, PassThrough, Resolver},
    handover::{self, Peers, Receiver as PeerReceiver},
    intake::Inlet,
    listen::{self, Admission, Clients, Drain, Gate, Ports, Signals, Surroundings},
    log,
    message::{self, Budgets},
    open_files, probe,
    proof::Matrix,
    queue::{self, Bouncer, Queue},
    queue_tools,
    reload::{self, Reloader},
    session::{self, Service},
    snapshot,
    storage::{Engine, Opening},
    tls,
};
use prometheus_client::registry::Registry;
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Nothing is held before a configuration says how much may be.
const UNTIL_CONFIGURED: Budgets = Budgets { memory_bytes: 0, scratch_bytes: 0 };

/// A guarded gate in front of your mail server: takes mail for accepted domains, refuses all other, and hands every message on.
///
/// Exit codes: 0 after SIGTERM or SIGINT, whether every session ended in time or not; 1 when the process could not start.
#[derive(Debug, Parser)]
#[command(name = "postern-relay", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    instead: Option<Instead>,
    #[command(flatten)]
    relay: RelayOptions,
}

/// What is done in place of being a relay.
#[derive(Debug, Subcommand)]
enum Instead {
    /// Sends a mail through a relay that runs, and takes it behind it as its next hop: proves that mail passes, and that nothing else does
    ///
    /// Exit codes: 0 when it passes; 1 when it does not, with the reason on standard error.
    Probe(probe::Options),
    /// Looks after the queue of a relay that runs, in its own pod: kubectl exec POD -- postern-relay queue list
    ///
    /// Exit codes: 0 when it is done; 1 when some of it could not be done, which is told, or was not confirmed; 2 when the command line is wrong; 3
    /// when the relay can't be asked, or has no queue, with the mend on standard error; 130 after Ctrl-C.
    Queue(queue_tools::cli::Options),
}

/// How to be a relay.
#[derive(Debug, Args)]
struct RelayOptions {
    /// Folder of the configuration, as the operator writes it
    #[arg(long, value_name = "DIR", default_value = "/etc/postern")]
    config: PathBuf,
    /// Address that listeners bind
    #[arg(long, value_name = "ADDRESS", default_value = "::")]
    bind: IpAddr,
    /// Address and port for health and metrics, and for status where the address is a loopback address
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "[::]:9464")]
    admin: SocketAddr,
    /// Answer /status on the admin port whatever its address: who reaches it reads the names of domains, files and certificates
    #[arg(long)]
    admin_status: bool,
    /// Address and port where the operator asks for status, and where peers that end bring their queue, with mutual TLS by the identity in the
    /// configuration's folder; none by default
    #[arg(long, value_name = "ADDRESS:PORT")]
    control: Option<SocketAddr>,
    /// Name, absolute, that has the addresses of all pods of the relay: they take the queue when this one ends, on the same port as its --control
    #[arg(long, value_name = "NAME", requires = "control")]
    peers: Option<String>,
    /// Addresses of the node that the relay runs on: clients that come with them may be anyone
    #[arg(long = "host-address", value_name = "IP,…", value_delimiter = ',')]
    host_addresses: Vec<IpAddr>,
    /// Folder for messages that are too large for memory
    #[arg(long, value_name = "DIR", default_value = "/var/spool/postern/scratch")]
    scratch: PathBuf,
    /// Folder for the queue, where the configuration wants one on a disk of the relay's own
    #[arg(long, value_name = "DIR", default_value = "/var/spool/postern/queue")]
    spool: PathBuf,
    /// Socket for `postern-relay queue`, which only the relay's own user can use; by default queue.sock in the scratch folder
    #[arg(long, value_name = "PATH")]
    queue_socket: Option<PathBuf>,
    /// Seconds that the relay goes on as if nothing had happened after SIGTERM: for so long, connections may still be sent here
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    drain_delay: u64,
    /// Seconds that open transactions, running deliveries and the hand-over of the queue have then; sessions that are left are cut, and their
    /// senders keep the mail
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    grace: u64,
    /// End when standard input does: whoever starts the relay holds the other end, and the relay never outlives it
    #[arg(long)]
    stop_with_stdin: bool,
    #[command(flatten)]
    log: log::Options,
}

impl RelayOptions {
    /// Who takes the queue when the relay ends: whoever has the name, on the port of their own control.
    fn peers(&self, resolver: &Resolver) -> anyhow::Result<Option<Arc<Peers>>> {
        let (Some(name), Some(control)) = (&self.peers, self.control) else { return Ok(None) };
        let peers = Peers::new(name, control.port(), resolver.clone()).with_context(|| format!("--peers {name}"))?;
        Ok(Some(Arc::new(peers)))
    }
}

fn main() -> ExitCode {
    let Cli { instead, relay } = Cli::parse();
    let done = match instead {
        None => run(&relay),
        Some(Instead::Probe(options)) => run_probe(&options),
        Some(Instead::Queue(options)) => return run_queue(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postern-relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run_probe(options: &probe::Options) -> anyhow::Result<()> {
    Ok(probe::run(options).await?)
}

#[tokio::main(flavor = "current_thread")]
async fn run_queue(options: &queue_tools::cli::Options) -> ExitCode {
    queue_tools::cli::run(options).await
}

#[tokio::main]
async fn run(options: &RelayOptions) -> anyhow::Result<()> {
    // First of all: in a container, signals without a handler are ignored, and a pod that is to end while it starts would go on until it is killed.
    let mut signals = Signals::install().context("signals")?;
    log::start(&options.log).context("logging")?;
    open_files::raise_limit().context("open files")?;
    let admin = Server::bind(options.admin).with_context(|| format!("admin port {}", options.admin))?;
    let admin = if options.admin_status { admin.telling_status() } else { admin };
    let control = options.control.map(|address| Control::bind(address, &options.config)).transpose();
    let control = control.with_context(|| format!("control port {:?}", options.control))?;
    let relay = Relay::new(options)?;
    let watched = Arc::new(relay.watched);
    tokio::spawn(admin.run(Arc::clone(&watched)));
    if let Some(control) = control {
        tokio::spawn(control.for_peers(relay.peer_routes).run(watched));
    }
    let reloading = tokio::spawn(relay.reloader.run());
    serve_queue_tools(options, &relay.outgoing);
    let outgoing = tokio::spawn(relay.outgoing.start());

    let signal = tokio::select! {
        signal = signals.next() => signal,
        () = starter_ended(options.stop_with_stdin)? => "end of standard input",
    };
    tokio::select! {
        () = relay.ending.run(signal, outgoing) => {}
        signal = signals.next() => tracing::warn!(signal, "ending at once"),
    }
    reloading.abort();
    Ok(())
}

/// Answers `postern-relay queue`. Mail is worth more: where that can't be, the relay goes on without.
fn serve_queue_tools(options: &RelayOptions, outgoing: &Outgoing) {
    let Outgoing { opening, inlet, metrics, .. } = outgoing;
    let configuration = Arc::clone(&opening.store);
    let bouncer = Bouncer { inlet: inlet.clone(), configuration: Arc::clone(&configuration), metrics: metrics.clone() };
    let path = options.queue_socket.clone().unwrap_or_else(|| options.scratch.join("queue.sock"));
    match queue_tools::Server::bind(&path) {
        Ok(server) => drop(tokio::spawn(server.run(inlet.clone(), configuration, bouncer))),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "queue tools can't be answered: --queue-socket can name another place");
        }
    }
}

/// Waits until whoever holds the other end of standard input has gone; for ever unless that is `wanted`.
fn starter_ended(wanted: bool) -> anyhow::Result<impl Future<Output = ()>> {
    let pipe = wanted.then(|| io::stdin().as_fd().try_clone_to_owned().and_then(Receiver::from_owned_fd)).transpose();
    let pipe = pipe.context("--stop-with-stdin: standard input is no pipe")?;
    Ok(async {
        match pipe {
            // Nothing is ever said on it; whatever comes is no reason to stay.
            Some(mut pipe) => drop(pipe.read_u8().await),
            None => std::future::pending().await,
        }
    })
}

/// The parts of a relay, each knowing the others that it needs.
struct Relay {
    watched: Watched,
    reloader: Reloader<Matrix, Service<PassThrough, Inlet<Engine>>>,
    outgoing: Outgoing,
    /// What ending peers are answered.
    peer_routes: Router,
    ending: Ending,
}

impl Relay {
    fn new(options: &RelayOptions) -> anyhow::Result<Self> {
        let (mut registry, drain) = (Registry::default(), Drain::default());
        let configuration = Arc::new(snapshot::Store::default());
        let admission = Arc::new(Admission::default());
        let clients = Clients::register(&mut registry);
        admin::register_version(&mut registry);
        let messages = message::Store::open(&options.scratch, UNTIL_CONFIGURED, message::Metrics::register(&mut registry))
            .with_context(|| format!("scratch folder {}", options.scratch.display()))?;
        let surroundings = Surroundings { host_addresses: options.host_addresses.iter().map(IpAddr::to_canonical).collect() };
        let resolver = Resolver::from_system().context("DNS resolver")?;
        let peers = options.peers(&resolver)?;
        let outbound = Outbound::on_host(surroundings.host_addresses.clone(), resolver, delivery::Metrics::register(&mut registry));
        let inlet = Inlet::new(outbound.clone());
        let handover = handover::Metrics::register(&mut registry);
        let receiver =
            PeerReceiver { inlet: inlet.clone(), store: Arc::clone(&configuration), drain: drain.clone(), metrics: handover.clone() };
        let ending = Ending {
            delay: Duration::from_secs(options.drain_delay),
            grace: Duration::from_secs(options.grace),
            drain: drain.clone(),
            inlet: inlet.clone(),
            peers,
            store: Arc::clone(&configuration),
            folder: options.config.clone(),
            metrics: handover,
        };
        let queue_metrics = queue::Metrics::register(&mut registry);
        let outgoing = Outgoing {
            opening: Opening { store: Arc::clone(&configuration), folder: options.config.clone(), directory: options.spool.clone() },
            inlet: inlet.clone(),
            outbound: outbound.clone(),
            metrics: queue_metrics.clone(),
        };
        let service = Service {
            configuration: Arc::clone(&configuration),
            deliver: PassThrough::new(outbound),
            queue: inlet.clone(),
            authenticator: Authenticator::new(auth::Metrics::register(&mut registry)),
            rates: auth::Rates::default(),
            store: messages.clone(),
            metrics: session::Metrics::register(&mut registry),
        };
        let gate = Gate {
            store: Arc::clone(&configuration),
            admission: Arc::clone(&admission),
            surroundings,
            clients: clients.clone(),
            serve: service,
            drain: drain.clone(),
            metrics: listen::Metrics::register(&mut registry),
            tls_metrics: tls::Metrics::register(&mut registry),
        };
        let reloader = Reloader {
            folder: options.config.clone(),
            store: Arc::clone(&configuration),
            ports: Ports::new(options.bind, gate),
            prove: Matrix::new(&options.scratch),
            messages,
            metrics: reload::Metrics::register(&mut registry),
        };
        let watched =
            Watched { store: configuration, admission, drain, clients, queue: queue_metrics, started_at: Timestamp::now(), registry };
        Ok(Self { watched, reloader, outgoing, peer_routes: receiver.routes(), ending })
    }
}

/// Mail that waits for its delivery, once there is a place for it.
struct Outgoing {
    opening: Opening,
    inlet: Inlet<Engine>,
    outbound: Outbound,
    metrics: queue::Metrics,
}

impl Outgoing {
    /// Opens the queue when a configuration first wants one, takes messages into it, and delivers what is in it.
    async fn start(self) -> Queue<Engine> {
        let store = Arc::clone(&self.opening.store);
        let (engine, rules) = self.opening.run().await;
        self.inlet.open(engine.clone());
        Queue::start(engine, self.outbound, store, rules, self.metrics)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
