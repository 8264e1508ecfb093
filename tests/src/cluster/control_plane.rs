//! The processes of a control plane.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};
use rcgen::KeyPair;

use super::tools;
use crate::{
    pki::Authority,
    port,
    process::{Output, Process},
};

/// What the administrator shows.
pub(super) const ADMIN_TOKEN: &str = "the-administrator";

/// Every request but watches' and reads' bodies: who did what to which object, once it is answered.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
";

/// What the API server reads and writes.
pub(super) struct Files(PathBuf);

impl Files {
    /// Makes `folder` with keys, certificates, the administrator's token and the audit policy.
    pub(super) fn write(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let files = Self(folder.to_owned());
        let authority = Authority::new("Kubernetes CA")?;
        authority.write(&files.authority())?;
        authority.server(&["127.0.0.1", "localhost"])?.write(folder)?;
        let key = KeyPair::generate()?;
        fs::write(files.0.join("service-account.key"), key.serialize_pem())?;
        fs::write(files.0.join("service-account.pub"), key.public_key_pem())?;
        fs::write(files.0.join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?;
        fs::write(files.0.join("audit.yaml"), AUDIT_POLICY)?;
        Ok(files)
    }

    /// The authority of the API server's certificate, PEM.
    pub(super) fn authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

/// The storage.
pub(super) struct Etcd {
    _process: Process,
    url: String,
}

impl Etcd {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let (port, peers) = (port::free()?, port::free()?);
        let (url, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let arguments = [
            format!("--data-dir={}", folder.display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
            // Nobody needs the data once the machine is gone.
            "--unsafe-no-fsync".to_owned(),
            "--log-level=error".to_owned(),
        ];
        let mut process = Process::start(&tools::find("etcd")?, arguments)?;
        process.listens(port).await?;
        Ok(Self { _process: process, url })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// kube-apiserver.
pub(super) struct ApiServer {
    program: PathBuf,
    arguments: Vec<String>,
    port: u16,
    process: Option<Process>,
}

impl ApiServer {
    pub(super) async fn start(files: &Files, etcd: &str) -> Result<Self> {
        let port = port::free()?;
        let arguments = vec![
            format!("--etcd-servers={etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--cert-dir={}", files.path("certificates")),
            format!("--tls-cert-file={}", files.path("tls.crt")),
            format!("--tls-private-key-file={}", files.path("tls.key")),
            // No Endpoints of its own: they can't hold a loopback address.
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.97.0.0/16,fd97::/108".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", files.path("service-account.pub")),
            format!("--service-account-signing-key-file={}", files.path("service-account.key")),
            format!("--token-auth-file={}", files.path("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--allow-privileged=true".to_owned(),
            format!("--audit-policy-file={}", files.path("audit.yaml")),
            format!("--audit-log-path={}", files.audit_log().display()),
            // In MiB. All of it stays in one file, so that whoever reads it reads all of it.
            "--audit-log-maxsize=100000".to_owned(),
        ];
        let mut server = Self { program: tools::find("kube-apiserver")?, arguments, port, process: None };
        server.start_again().await?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(super) fn stop(&mut self) {
        self.process = None;
    }

    /// Fails when it was started and has ended by itself.
    pub(super) fn still_runs(&mut self) -> Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        ensure!(process.is_running(), "kube-apiserver ended:\n{}", process.log().join("\n"));
        Ok(())
    }

    pub(super) async fn start_again(&mut self) -> Result<()> {
        // It says much at every start, and nothing that the answers to a test's requests don't say.
        let mut process = Process::spawn(Command::new(&self.program).args(&self.arguments), Output::Kept)?;
        process.listens(self.port).await?;
        self.process = Some(process);
        Ok(())
    }
}

/// kube-controller-manager with what stands between an operator's objects and pods, what scales, and what cleans up.
pub(super) struct ControllerManager {
    _process: Process,
}

impl ControllerManager {
    pub(super) fn start(kubeconfig: &Path, files: &Files) -> Result<Self> {
        let controllers =
            ["deployment", "replicaset", "garbage-collector", "namespace", "serviceaccount", "disruption", "horizontal-pod-autoscaler"];
        let controllers = controllers.map(|name| format!("{name}-controller")).join(",");
        let arguments = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--controllers={controllers}"),
            "--leader-elect=false".to_owned(),
            "--horizontal-pod-autoscaler-sync-period=2s".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", port::free()?),
            format!("--cert-dir={}", files.path("controller-certificates")),
        ];
        Ok(Self { _process: Process::spawn(Command::new(tools::find("kube-controller-manager")?).args(arguments), Output::Kept)? })
    }
}
