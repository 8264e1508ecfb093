//! A relay on a node, as its administrator sees it.

use std::{collections::BTreeSet, net::IpAddr};

use anyhow::Result;

use super::{Node, release::NAMESPACE};
use crate::{cluster::kstatus, poll};

/// A relay of the release's namespace.
#[derive(Clone, Copy)]
pub struct Relay<'a> {
    /// The node that it runs on.
    pub node: &'a Node,
    /// The name of its SmtpRelay.
    pub name: &'a str,
}

impl Relay<'_> {
    /// Runs kubectl in its namespace, which must succeed; what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.node.kubectl_says(&[&["--namespace", NAMESPACE], arguments].concat()).await
    }

    /// Its pods, as `pod/NAME`.
    pub async fn pods(&self) -> Result<BTreeSet<String>> {
        Ok(self.pods_as("name").await?.lines().map(str::to_owned).collect())
    }

    /// What kubectl tells of its pods, in a form that its `--output` knows.
    pub async fn pods_as(&self, output: &str) -> Result<String> {
        let selector = format!("postern.dev/relay={}", self.name);
        self.kubectl(&["get", "pods", "--selector", &selector, "--output", output]).await
    }

    /// What the load balancer gave to it, as its status tells.
    pub async fn address(&self) -> Result<IpAddr> {
        let path = ["get", "smtprelay", self.name, "--output", "jsonpath={.status.addresses[0].value}"];
        poll::now_and_then("an address of the relay", async || self.kubectl(&path).await.ok()?.trim().parse().ok()).await
    }

    /// The status of one of its conditions, once it is told for sure.
    pub async fn condition(&self, name: &str) -> Result<String> {
        let path = format!("jsonpath={{.status.conditions[?(@.type=='{name}')].status}}");
        poll::now_and_then(name, async || {
            self.kubectl(&["get", "smtprelay", self.name, "--output", &path])
                .await
                .ok()
                .filter(|status| !status.is_empty() && status != "Unknown")
        })
        .await
    }

    /// Patches it; `form` is `merge` or `json`.
    pub async fn patch(&self, form: &str, patch: &str) -> Result<()> {
        let form = format!("--type={form}");
        self.kubectl(&["patch", "smtprelay", self.name, &form, "--patch", patch]).await.map(drop)
    }

    /// Gives it as many pods, and waits until all of it is as it should be.
    pub async fn scale(&self, replicas: usize) -> Result<()> {
        self.wants(replicas).await?;
        self.is_rolled_out().await
    }

    /// Gives it as many pods, and waits until so many are there, ready or not.
    pub async fn wants(&self, replicas: usize) -> Result<()> {
        let (relay, wanted) = (format!("smtprelay/{}", self.name), format!("--replicas={replicas}"));
        self.kubectl(&["scale", &relay, &wanted]).await?;
        poll::now_and_then("so many pods", async || (self.pods().await.ok()?.len() == replicas).then_some(())).await
    }

    /// Waits until it says that all is carried out, and no pod is left that ends.
    pub async fn is_rolled_out(&self) -> Result<()> {
        poll::now_and_then(&format!("the relay {} to be as it should be", self.name), async || {
            let relay = self.kubectl(&["get", "smtprelay", self.name, "--output", "json"]).await.ok()?;
            let relay: serde_json::Value = serde_json::from_str(&relay).ok()?;
            let ready = relay["status"]["readyReplicas"].as_u64()? == relay["spec"]["replicas"].as_u64()?;
            let pods = self.pods().await.ok()?.len() as u64 == relay["spec"]["replicas"].as_u64()?;
            (ready && pods && kstatus::of(&relay) == kstatus::Status::Current).then_some(())
        })
        .await
    }
}
