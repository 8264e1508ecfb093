//! The control port: HTTPS for the operator, and for the other pods of the same relay.
//!
//! Both sides show certificates of the identity CA. The relay's own lie in the folder of the configuration and are followed there; until there
//! are any, nobody is answered.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use axum::{Router, http::StatusCode, routing::get};
use postern_config::material::OPERATOR_NAME;
use rustls::pki_types::CertificateDer;
use tokio::{
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Watched, http, status};
use crate::{
    handover::Door,
    listen::listen,
    snapshot::Watch,
    tls::{Identity, is_for},
};

/// How soon files that can't be used are read again.
const RETRY: Duration = Duration::from_secs(1);

/// The control port, bound.
pub struct Control {
    listener: TcpListener,
    folder: PathBuf,
    peers: Option<Door>,
}

/// Who is answered what.
#[derive(Clone)]
struct Routes {
    operator: Router,
    peers: Option<Door>,
    others: Router,
}

impl Control {
    /// Binds the port; nobody is answered before [`Self::run`]. The relay's identity lies in `folder`.
    pub fn bind(address: SocketAddr, folder: &Path) -> io::Result<Self> {
        Ok(Self { listener: listen(address)?, folder: folder.to_owned(), peers: None })
    }

    /// Answers the other pods of the relay by `routes`; without it they are nobody.
    #[must_use]
    pub fn for_peers(self, routes: Router) -> Self {
        Self { peers: Some(Door::new(routes.fallback(refuse))), ..self }
    }

    /// The address that is bound.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers for ever.
    pub async fn run(self, watched: Arc<Watched>) {
        let identity = ArcSwapOption::empty();
        let routes = Routes {
            operator: Router::new().route("/status", get(status)).with_state(watched),
            peers: self.peers,
            others: Router::new().fallback(refuse),
        };
        let answers = http::serve(self.listener, "control", http::DEADLINE, |stream| answer(stream, identity.load_full(), routes.clone()));
        tokio::join!(follow(&self.folder, &identity), answers);
    }
}

async fn refuse() -> (StatusCode, &'static str) {
    (StatusCode::FORBIDDEN, "only the operator is answered here\n")
}

async fn answer(stream: TcpStream, identity: Option<Arc<Identity>>, routes: Routes) -> io::Result<()> {
    let Some(identity) = identity else { return Ok(()) };
    let stream = TlsAcceptor::from(Arc::clone(&identity.server)).accept(stream).await?;
    let routes = match (shown(&stream), routes.peers) {
        (Some(certificate), _) if is_for(certificate, OPERATOR_NAME) => routes.operator,
        (Some(certificate), Some(door)) if identity.is_peer(certificate) => {
            door.admit(stream);
            return Ok(());
        }
        _ => routes.others,
    };
    http::respond(stream, routes).await.map_err(io::Error::other)
}

/// The certificate of the client. It is one of the identity CA, or there would be no stream.
fn shown(stream: &TlsStream<TcpStream>) -> Option<&CertificateDer<'static>> {
    stream.get_ref().1.peer_certificates().and_then(<[_]>::first)
}

/// Keeps `identity` what the folder holds, for ever. One that can't be used leaves the last in use.
async fn follow(folder: &Path, identity: &ArcSwapOption<Identity>) {
    let mut watch = Watch::begin(folder).await;
    let mut problem = None;
    loop {
        let read = spawn_blocking({
            let folder = folder.to_owned();
            move || Identity::read(&folder).map_err(|error| error.to_string())
        });
        match read.await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(new) => {
                problem = None;
                if identity.load().as_ref().is_none_or(|old| old.digest != new.digest) {
                    identity.store(Some(Arc::new(new)));
                    tracing::info!("identity in use on the control port");
                }
            }
            Err(error) if problem.as_ref() != Some(&error) => {
                tracing::warn!(error, "the identity of the control port can't be used");
                problem = Some(error);
            }
            Err(_) => {}
        }
        watch.changed(problem.as_ref().map(|_| RETRY)).await;
    }
}
