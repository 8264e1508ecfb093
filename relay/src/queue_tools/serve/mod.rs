//! The side of the relay: answers on a socket what is asked of the queue.

mod change;
mod content;
mod list;
mod message;
mod problem;
mod selection;
mod socket;
mod statistics;

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    http::StatusCode,
    routing::{get, post},
};
use postern_spool::Spool;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

use super::{
    Bounce,
    wire::{CHANGE, LIST, MESSAGES, STATISTICS},
};
use crate::{admin::http, intake::Inlet, snapshot::Store};
use problem::Problem;

/// For the whole of a connection, which has one request. The longest of them reads a large message to a slow disk.
const DEADLINE: Duration = Duration::from_mins(10);

/// The socket, bound.
pub struct Server(UnixListener);

/// What is asked of.
#[derive(Clone)]
struct Queue<S, B> {
    inlet: Inlet<S>,
    configuration: Arc<Store>,
    bounce: B,
}

impl Server {
    /// Binds the socket at `path`, for its owner alone; nobody is answered before [`Self::run`].
    ///
    /// A socket that a process left there when it ended is replaced. [`io::ErrorKind::AddrInUse`] when a process answers there still.
    pub fn bind(path: &Path) -> io::Result<Self> {
        socket::bind(path).map(Self)
    }

    /// Answers for ever. The queue is the one behind `inlet`, and what `configuration` says tells why there is none.
    pub async fn run<S: Spool, B: Bounce>(self, inlet: Inlet<S>, configuration: Arc<Store>, bounce: B) {
        let routes = routes(Queue { inlet, configuration, bounce });
        let others = Router::new().fallback(async || (StatusCode::FORBIDDEN, "only the user that the relay runs as is answered here\n"));
        let answer = |stream: UnixStream| {
            let routes = if is_own(&stream) { routes.clone() } else { others.clone() };
            http::respond(stream, routes)
        };
        http::serve(self.0, "queue", DEADLINE, answer).await;
    }
}

/// Whether the peer is a process of the user that this one runs as. The mode of the socket says the same; it could be changed.
fn is_own(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == geteuid().as_raw())
}

fn routes<S: Spool, B: Bounce>(queue: Queue<S, B>) -> Router {
    Router::new()
        .route(LIST, post(list::list))
        .route(CHANGE, post(change::change))
        .route(STATISTICS, get(statistics::statistics))
        .route(&format!("{MESSAGES}/{{id}}"), get(message::message))
        .route(&format!("{MESSAGES}/{{id}}/content"), get(content::content))
        .route(&format!("{MESSAGES}/{{id}}/header"), get(content::header))
        .with_state(queue)
}

impl<S: Spool, B> Queue<S, B> {
    fn spool(&self) -> Result<Arc<S>, Problem> {
        self.inlet.spool().ok_or_else(|| match self.configuration.in_use() {
            None => Problem::NotConfigured,
            Some(in_use) if in_use.snapshot.configuration.root.spool.is_none() => Problem::NoQueue,
            Some(_) => Problem::NotOpen,
        })
    }
}
