//! The operator as a process: the arguments and the rights are those of the chart.

use std::{net::SocketAddr, process::Command};

use anyhow::Result;

use super::{Cluster, release::Release};
use crate::{
    binaries, http, poll, port,
    process::{Output, Process},
};

/// An operator that runs. Dropping it kills it, as a node that is lost would.
pub struct Operator {
    /// The process.
    pub process: Process,
    /// Where it answers for health and metrics.
    pub admin: SocketAddr,
}

impl Operator {
    /// Starts the operator of `release` against the API server.
    pub async fn start(cluster: &Cluster, release: &Release) -> Result<Self> {
        Self::start_at(cluster, release, cluster.url(), &[]).await
    }

    /// Starts the operator of `release`, which takes `url` for the API server; `arguments` (`--name=value`) replace those of the chart.
    pub async fn start_at(cluster: &Cluster, release: &Release, url: &str, arguments: &[&str]) -> Result<Self> {
        let token = cluster.token(&release.namespace, &release.service_account).await?;
        let admin = SocketAddr::from(([127, 0, 0, 1], port::free()?));
        let config = cluster.scratch("operators")?.join(format!("{}.json", admin.port()));
        cluster.kubeconfig(url, &token).write(&config)?;
        let here = format!("--admin={admin}");
        let mut all = release.arguments.clone();
        for argument in arguments.iter().copied().chain([here.as_str(), "--log-format=text"]) {
            let name = argument.split('=').next().unwrap_or_default();
            all.retain(|known| known.split('=').next() != Some(name));
            all.push(argument.to_owned());
        }
        let mut command = Command::new(binaries::find("postern-operator")?);
        command.args(&all).env("KUBECONFIG", &config);
        let process = Process::spawn(&mut command, Output::Printed)?;
        Ok(Self { process, admin })
    }

    /// Waits until it says that it is ready.
    pub async fn is_ready(&mut self) -> Result<()> {
        self.process.listens(self.admin.port()).await?;
        let ready = async || matches!(http::get(self.admin, "/readyz").await, Ok(response) if response.status == 200).then_some(());
        poll::until("the operator to be ready", ready).await
    }
}
