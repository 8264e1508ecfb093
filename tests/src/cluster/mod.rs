//! A real Kubernetes API without nodes: etcd and kube-apiserver on loopback, with the audit log as evidence of who did what.
//!
//! Tests of one program share a cluster ([`Cluster::shared`]) and keep apart by namespace. One that stops the API server, or looks at the
//! cluster as a whole, starts its own ([`Cluster::start`]).

pub mod audit;
mod control_plane;
pub mod foreign;
pub mod kstatus;
pub mod kubeconfig;
pub mod kubelet;
pub mod mail;
pub mod manifest;
pub mod operator;
pub mod release;
pub mod rights;
pub mod snapshot;
pub mod stage;
pub mod toll;
pub mod tools;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result};
use hyper::Request;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, PostParams},
    config::AuthInfo,
};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{poll, tool};
use control_plane::{ADMIN_TOKEN, ApiServer, ControllerManager, Etcd};
use kubeconfig::Kubeconfig;

/// How long the token of a ServiceAccount is good for: longer than any test.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// An API server with its storage. Dropping it ends both and removes all that they wrote.
pub struct Cluster {
    controllers: Mutex<Option<ControllerManager>>,
    api_server: Mutex<ApiServer>,
    _etcd: Etcd,
    url: String,
    files: control_plane::Files,
    namespaces: AtomicU32,
    // Removed last.
    folder: TempDir,
}

/// The cluster that the tests of this program share, while one of them holds it.
static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

impl Cluster {
    /// The cluster of this program's tests, with the CRDs; it ends with the last test that holds it. None when this layer is switched off,
    /// which is said aloud.
    pub async fn shared() -> Result<Option<Arc<Self>>> {
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return Ok(Some(cluster));
        }
        let Some(cluster) = Self::start().await? else { return Ok(None) };
        let cluster = Arc::new(cluster);
        *shared = Arc::downgrade(&cluster);
        Ok(Some(cluster))
    }

    /// A cluster of one's own, with the CRDs. None when this layer is switched off, which is said aloud.
    pub async fn start() -> Result<Option<Self>> {
        if tools::layer_is_off() {
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let files = control_plane::Files::write(&folder.path().join("api"))?;
        let etcd = Etcd::start(&folder.path().join("etcd")).await?;
        let api_server = ApiServer::start(&files, etcd.url()).await?;
        let cluster = Self {
            controllers: Mutex::new(None),
            url: api_server.url(),
            api_server: Mutex::new(api_server),
            _etcd: etcd,
            files,
            namespaces: AtomicU32::new(0),
            folder,
        };
        let client = cluster.client()?;
        cluster.answers("/readyz").await?;
        for definition in postern_crds::definitions() {
            manifest::apply(&client, &definition.resource).await?;
        }
        cluster.serves_our_kinds().await?;
        Ok(Some(cluster))
    }

    /// Where the API server listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// File of the authority of its certificate, PEM.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.files.authority()
    }

    /// A client that may do all.
    pub fn client(&self) -> Result<Client> {
        self.client_with(ADMIN_TOKEN)
    }

    /// A client that bears `token`.
    pub fn client_with(&self, token: &str) -> Result<Client> {
        let mut config = Config::new(self.url.parse()?);
        config.root_cert_file = Some(self.files.authority());
        config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
        Ok(Client::try_from(config)?)
    }

    /// What a program needs to reach the API server at `url` (its own, or something in between) as `token`'s owner.
    #[must_use]
    pub fn kubeconfig(&self, url: &str, token: &str) -> Kubeconfig {
        Kubeconfig { url: url.to_owned(), authority: self.files.authority(), token: token.to_owned() }
    }

    /// Makes a namespace that no other test of this program has; its name begins with `prefix`.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        Api::all(self.client()?).create(&PostParams::default(), &namespace).await?;
        Ok(name)
    }

    /// A token of a ServiceAccount that exists.
    pub async fn token(&self, namespace: &str, service_account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client()?, namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let issued = accounts.create_token_request(service_account, &PostParams::default(), &request).await?;
        Ok(issued.status.context("a token request without an answer")?.token)
    }

    /// Runs kubectl as one who may do all.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<tool::Outcome> {
        let config = self.folder.path().join("admin.json");
        self.kubeconfig(&self.url, ADMIN_TOKEN).write(&config)?;
        let (config, cache) = (config.display().to_string(), self.folder.path().join("kubectl").display().to_string());
        let common = ["--kubeconfig", &config, "--cache-dir", &cache];
        let program = tools::find("kubectl")?.display().to_string();
        tool::run(&program, common.iter().chain(arguments)).await
    }

    /// What the API server has written to its audit log so far, oldest first.
    pub fn audit(&self) -> Result<Vec<audit::Entry>> {
        audit::read(&self.files.audit_log())
    }

    /// Ends the API server at once, as a power cut would. Storage stays.
    pub async fn stop_api_server(&self) {
        self.api_server.lock().await.stop();
    }

    /// Starts it again, on the same port.
    pub async fn start_api_server(&self) -> Result<()> {
        self.api_server.lock().await.start_again().await?;
        self.answers("/readyz").await?;
        self.serves_our_kinds().await
    }

    /// Starts the controllers that make pods of Deployments, collect garbage and empty namespaces, unless they run.
    pub async fn run_controllers(&self) -> Result<()> {
        let mut controllers = self.controllers.lock().await;
        if controllers.is_none() {
            let config = self.folder.path().join("controllers.json");
            self.kubeconfig(&self.url, ADMIN_TOKEN).write(&config)?;
            *controllers = Some(ControllerManager::start(&config, &self.files)?);
        }
        Ok(())
    }

    /// A folder for what a test writes, removed with the cluster.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(Path::new("scratch").join(name));
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Waits until the kinds of the CRDs are served, which comes a little later than all else.
    async fn serves_our_kinds(&self) -> Result<()> {
        for definition in postern_crds::definitions() {
            self.answers(&format!("/apis/{}/{}/{}", postern_crds::GROUP, postern_crds::VERSION, definition.plural)).await?;
        }
        Ok(())
    }

    /// Waits until a GET of `path` is answered with 200.
    async fn answers(&self, path: &str) -> Result<()> {
        let client = self.client()?;
        poll::until(&format!("the API server to answer {path}"), async || {
            let request = Request::get(path).body(Vec::new()).ok()?;
            match client.request_text(request).await {
                Ok(_) => Some(Ok(())),
                Err(_) => self.api_server.lock().await.still_runs().err().map(Err),
            }
        })
        .await?
    }
}
