//! HTTP for those who watch the operator.
//!
//! | path | what it answers |
//! |---|---|
//! | `/healthz` | 200 unless a watch is stuck in a way that only a restart mends |
//! | `/readyz` | 200 once everything was listed, for a replica that stands by too, until it is to end; else 503 and why |
//! | `/metrics` | every count, in the text format of Prometheus |
//!
//! The server is that of the relay's admin port, which the operator does not link: few connections, each with one request and little time.

use std::{fmt::Write as _, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Permits, World,
    liveness::Liveness,
    metrics::{Metrics, Moment},
    world::Queues,
};

/// Connections at once; more wait in the kernel.
const CONNECTIONS: usize = 64;
/// For the whole of a connection: request and response.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const BACK_OFF: Duration = Duration::from_millis(200);

/// What is asked of.
pub struct Watched {
    /// How the watches get on.
    pub liveness: Arc<Liveness>,
    /// What is known.
    pub world: Arc<World>,
    /// What waits.
    pub queues: Queues,
    /// Whether this replica leads.
    pub permits: Permits,
    /// What was counted.
    pub metrics: Arc<Metrics>,
    /// Cancelled when the operator is to end.
    pub stop: CancellationToken,
}

/// The admin port, bound.
pub struct Server(TcpListener);

impl Server {
    /// Binds the port; nobody is answered before [`Self::run`].
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The address that is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers for ever.
    pub async fn run(self, watched: Watched) {
        let routes = Router::new()
            .route("/healthz", get(healthy))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(watched));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let routes = routes.clone();
                    tokio::spawn(async move {
                        answer(stream, routes).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "can't accept connections on the admin port");
                    sleep(BACK_OFF).await;
                }
            }
        }
    }
}

async fn answer(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    match timeout(DEADLINE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "admin connection failed"),
        Err(_) => tracing::debug!("admin connection took too long"),
    }
}

async fn healthy(State(watched): State<Arc<Watched>>) -> (StatusCode, String) {
    match watched.liveness.stuck().as_slice() {
        [] => (StatusCode::OK, "alive\n".to_owned()),
        stuck => (StatusCode::SERVICE_UNAVAILABLE, format!("watches are stuck: {}\n", stuck.join(", "))),
    }
}

async fn ready(State(watched): State<Arc<Watched>>) -> (StatusCode, String) {
    if watched.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n".to_owned());
    }
    let mut missing = String::new();
    for name in watched.liveness.missing() {
        // Writing to a String can't fail.
        let _ = write!(missing, "{}{name}", if missing.is_empty() { "" } else { ", " });
    }
    if missing.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not listed yet: {missing}\n"))
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> impl IntoResponse {
    let moment = Moment {
        leads: watched.permits.leads(),
        queues: vec![
            ("relay", watched.queues.relays.depth()),
            ("domain", watched.queues.domains.depth()),
            ("reference", watched.queues.targets.depth()),
        ],
        watches: watched.liveness.states(),
        census: watched.world.census(),
    };
    match watched.metrics.text(moment) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
