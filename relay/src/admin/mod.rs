//! HTTP for people and machines that watch the relay: health, metrics, status.
//!
//! | path | what it answers |
//! |---|---|
//! | `/healthz` | 200 as long as the process answers at all |
//! | `/readyz` | 200 while a configuration is in use, its ports are open, and the relay is not to end; else 503 and why |
//! | `/metrics` | every count, in the text format of Prometheus |
//! | `/status` | [`Status`] as JSON |
//!
//! Nothing here changes anything, and nothing is secret but what the counts tell.

mod http;
mod status;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus_client::{encoding::prometheus_text, metrics::info::Info, registry::Registry};
use tokio::net::TcpListener;

pub use status::Status;

use crate::{
    listen::{Admission, Drain, listen},
    snapshot::Store,
};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is asked of.
pub struct Watched {
    /// The snapshot in use.
    pub store: Arc<Store>,
    /// The connections that are open.
    pub admission: Arc<Admission>,
    /// Whether the relay is to end.
    pub drain: Drain,
    /// Every count of the relay.
    pub registry: Registry,
}

/// The admin port, bound.
pub struct Server(TcpListener);

impl Server {
    /// Binds the port; nobody is answered before [`Self::run`].
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        listen(address).map(Self)
    }

    /// The address that is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers for ever.
    pub async fn run(self, mut watched: Watched) {
        watched.registry.register("postern_build", "Version of the relay", Info::new([("version", VERSION)]));
        let routes = Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/status", get(status))
            .with_state(Arc::new(watched));
        http::serve(self.0, routes).await;
    }
}

async fn ready(State(watched): State<Arc<Watched>>) -> (StatusCode, &'static str) {
    if watched.drain.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    } else if watched.store.in_use().is_none() {
        (StatusCode::SERVICE_UNAVAILABLE, "no configuration is in use; /status says why\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> impl IntoResponse {
    let mut text = String::new();
    match prometheus_text::encode(&mut text, &watched.registry) {
        Ok(()) => Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

async fn status(State(watched): State<Arc<Watched>>) -> Json<Status> {
    Json(Status::of(&watched))
}
