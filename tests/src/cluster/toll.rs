//! What stands between a program and the API server when a test wants to choose the moment at which it is cut off.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context, Result};
use hyper::{Method, Request, Response, body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsConnector;

/// A gate for requests to the API server. It speaks HTTP to the program and HTTPS to the server, and passes on everything, watches too; writes
/// only while there is budget for them. Leases, events and reviews of the own rights are no writes here. Dropping it cuts all connections.
pub struct Toll {
    state: Arc<State>,
    url: String,
    task: JoinHandle<()>,
}

/// A write that came by.
#[derive(Clone, Debug)]
pub struct Write {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// When the request came.
    pub began: Instant,
}

struct State {
    server: SocketAddr,
    tls: TlsConnector,
    gate: watch::Sender<Gate>,
    writes: Mutex<Vec<Write>>,
    leases: Mutex<Vec<Instant>>,
}

/// What passes.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// How many more writes; none for any number.
    budget: Option<usize>,
    /// Whether the last write of the budget was answered.
    spent: bool,
    /// Requests whose path holds this are kept back.
    held: Option<&'static str>,
}

impl Toll {
    /// Opens a gate to the API server at `url`, whose certificate is of the authority in the file `authority`.
    pub async fn open(url: &str, authority: &Path) -> Result<Self> {
        let server = url.trim_start_matches("https://").parse()?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let tls = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
        let (gate, _) = watch::channel(Gate::default());
        let tls = TlsConnector::from(Arc::new(tls));
        let state = Arc::new(State { server, tls, gate, writes: Mutex::default(), leases: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { state, url, task })
    }

    /// What the program is to take for the API server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets `writes` more writes pass. The last of them is done, but not answered; after it nothing is done any more. None: all pass.
    pub fn budget(&self, writes: Option<usize>) {
        self.state.gate.send_modify(|gate| *gate = Gate { budget: writes, spent: writes == Some(0), ..*gate });
    }

    /// Waits for ever until the last write of the budget is done.
    pub async fn spent(&self) {
        let _ = self.state.gate.subscribe().wait_for(|gate| gate.spent).await;
    }

    /// Keeps requests back whose path holds this, reads too. None: none any more, and those that wait pass.
    pub fn hold(&self, path: Option<&'static str>) {
        self.state.gate.send_modify(|gate| gate.held = path);
    }

    /// The writes so far that passed, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.state.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When each write to a lease that was answered came, oldest first.
    #[must_use]
    pub fn renewals(&self) -> Vec<Instant> {
        self.state.leases.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Toll {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connections live no longer than the task.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(|request| Arc::clone(&state).pass(request));
            // Its end is the program's affair.
            let _ = server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl State {
    async fn pass(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Incoming>> {
        let began = Instant::now();
        let is_write = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
        let path = request.uri().to_string();
        let _ = self.gate.subscribe().wait_for(|gate| gate.held.is_none_or(|held| !path.contains(held))).await;
        if path.contains("/leases") {
            let response = self.forward(request).await?;
            if is_write && response.status().is_success() {
                self.leases.lock().unwrap_or_else(PoisonError::into_inner).push(began);
            }
            return Ok(response);
        }
        if !is_write || path.contains("/events") || path.contains("authorization.k8s.io") {
            return self.forward(request).await;
        }
        let is_last = self.take().await;
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).push(Write { method: request.method().to_string(), path, began });
        let response = self.forward(request).await;
        if is_last {
            self.gate.send_modify(|gate| gate.spent = true);
            std::future::pending::<()>().await;
        }
        response
    }

    /// Takes a write from the budget, and waits for one where there is none. Whether it was the last.
    async fn take(&self) -> bool {
        loop {
            let mut taken = None;
            self.gate.send_if_modified(|gate| {
                taken = match &mut gate.budget {
                    None => Some(false),
                    Some(0) => None,
                    Some(left) => {
                        *left -= 1;
                        Some(*left == 0)
                    }
                };
                false
            });
            if let Some(is_last) = taken {
                return is_last;
            }
            let _ = self.gate.subscribe().wait_for(|gate| gate.budget != Some(0)).await;
        }
    }

    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.server).await.context("the API server")?;
        let stream = self.tls.connect(ServerName::try_from("localhost")?, stream).await?;
        let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}
