//! HTTP for people and machines that watch the relay: health, metrics, status.
//!
//! | path | what it answers |
//! |---|---|
//! | `/healthz` | 200 as long as the process answers at all |
//! | `/readyz` | 200 while a configuration is in use, its ports are open, and the relay is not to end; else 503 and why |
//! | `/metrics` | every count, in the text format of Prometheus |
//! | `/status` | [`Status`] as JSON; on the admin port only where that is bound to a loopback address, or where it is asked for |
//!
//! Nothing here changes anything. Whoever reaches a pod reaches the admin port, so what names domains and certificates is on the
//! [control port](Control), for the operator alone.

mod control;
pub(crate) mod http;
mod status;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use jiff::Timestamp;
use prometheus_client::{encoding::prometheus_text, metrics::info::Info, registry::Registry};
use tokio::net::TcpListener;

pub use control::Control;
pub use status::{SpoolStatus, Status};

use crate::{
    listen::{Admission, Clients, Drain, listen},
    queue,
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
    /// The clients that came.
    pub clients: Clients,
    /// Counts of the queue.
    pub queue: queue::Metrics,
    /// When the process began.
    pub started_at: Timestamp,
    /// Every count of the relay.
    pub registry: Registry,
}

/// Registers `postern_build_info{version}`.
pub fn register_version(registry: &mut Registry) {
    registry.register("postern_build", "Version of the relay", Info::new([("version", VERSION)]));
}

/// The admin port, bound.
pub struct Server {
    listener: TcpListener,
    tells_status: bool,
}

impl Server {
    /// Binds the port; nobody is answered before [`Self::run`].
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = listen(address)?;
        let tells_status = listener.local_addr()?.ip().is_loopback();
        Ok(Self { listener, tells_status })
    }

    /// Has `/status` answered, whatever address is bound.
    #[must_use]
    pub fn telling_status(self) -> Self {
        Self { tells_status: true, ..self }
    }

    /// The address that is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever.
    pub async fn run(self, watched: Arc<Watched>) {
        let mut routes =
            Router::new().route("/healthz", get(async || "alive\n")).route("/readyz", get(ready)).route("/metrics", get(metrics));
        if self.tells_status {
            routes = routes.route("/status", get(status));
        }
        let routes = routes.with_state(watched);
        http::serve(self.listener, "admin", http::DEADLINE, |stream| http::respond(stream, routes.clone())).await;
    }
}

async fn ready(State(watched): State<Arc<Watched>>) -> (StatusCode, String) {
    let unready = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why);
    if watched.drain.has_begun() {
        unready("ending\n".to_owned())
    } else if watched.store.in_use().is_some() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        let reasons = watched.store.refusal().map(|refusal| refusal.reasons.join("; "));
        unready(format!("no configuration is in use: {}\n", reasons.as_deref().unwrap_or("none was read yet")))
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
