//! An HTTP server that a stranger can't fill: few connections, each with one request and little time.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections at once; more wait in the kernel.
const CONNECTIONS: usize = 64;
/// For the whole of a connection: request and response.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long to wait when the system has no room for another connection.
const BACK_OFF: Duration = Duration::from_millis(200);

/// Serves `routes` for ever.
pub(super) async fn serve(listener: TcpListener, routes: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
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

async fn answer(stream: TcpStream, routes: Router) {
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    match timeout(DEADLINE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "admin connection failed"),
        Err(_) => tracing::debug!("admin connection took too long"),
    }
}
