//! Without any operator the API does its own part: `kubectl scale` sets the replicas of a relay within their bounds, and `kubectl get`
//! shows relays and domains in columns.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use postern_crds::SmtpRelay;
use postern_tests::cluster::{Cluster, manifest};
use serde_json::json;

const MANIFESTS: &str = "
apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: edge}
spec:
  hostname: mx1.example.com
  listeners: [{name: mx, role: Inbound, port: 25}]
---
apiVersion: postern.dev/v1alpha1
kind: AcceptedDomain
metadata: {name: example-com}
spec:
  relayRefs: [{name: edge}]
  domain: example.com
  type: Authoritative
  nextHops: [{host: mail.internal.example}]
";

async fn with_manifests() -> Result<Option<(Arc<Cluster>, String)>> {
    let Some(cluster) = Cluster::shared().await? else { return Ok(None) };
    let namespace = cluster.namespace("mail").await?;
    manifest::apply_yaml(&cluster.client()?, &namespace, MANIFESTS).await?;
    Ok(Some((cluster, namespace)))
}

#[tokio::test]
async fn kubectl_scale_sets_the_replicas_within_their_bounds() -> Result<()> {
    let Some((cluster, namespace)) = with_manifests().await? else { return Ok(()) };
    let relays: Api<SmtpRelay> = Api::namespaced(cluster.client()?, &namespace);
    ensure!(relays.get("edge").await?.spec.replicas == 2, "the default is 2");

    let scale = async |replicas| cluster.kubectl(&["-n", &namespace, "scale", "smtprelay/edge", replicas]).await;
    scale("--replicas=5").await?.expect("smtprelay.postern.dev/edge scaled")?;
    ensure!(relays.get("edge").await?.spec.replicas == 5);
    scale("--replicas=101").await?.expect_failure("spec.replicas")?;
    ensure!(relays.get("edge").await?.spec.replicas == 5);
    scale("--replicas=0").await?.expect("scaled")?;
    ensure!(relays.get("edge").await?.spec.replicas == 0);

    // What an autoscaler reads.
    let status = json!({ "status": { "replicas": 3, "selector": "postern.dev/relay=edge" } });
    relays.patch_status("edge", &PatchParams::default(), &Patch::Merge(&status)).await?;
    let seen = relays.get_scale("edge").await?.status.context("a scale without a status")?;
    ensure!(seen.replicas == 3 && seen.selector.as_deref() == Some("postern.dev/relay=edge"), "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn kubectl_get_shows_the_state_in_columns() -> Result<()> {
    let Some((cluster, namespace)) = with_manifests().await? else { return Ok(()) };
    for names in ["srelay", "smtprelays"] {
        let shown = cluster.kubectl(&["-n", &namespace, "get", names]).await?;
        has_columns(&shown.text, &["NAME", "HOSTNAME", "ADDRESS", "DOMAINS", "PROGRAMMED", "READY", "REASON", "AGE"])?;
        shown.expect("mx1.example.com")?;
    }
    for names in ["adom", "accepteddomains"] {
        let shown = cluster.kubectl(&["-n", &namespace, "get", names]).await?;
        has_columns(&shown.text, &["NAME", "DOMAIN", "RELAY", "READY", "REASON", "AGE"])?;
        shown.expect("example.com")?;
    }
    let shown = cluster.kubectl(&["-n", &namespace, "get", "postern", "-o", "name"]).await?;
    shown.expect("smtprelay.postern.dev/edge")?;
    shown.expect("accepteddomain.postern.dev/example-com")
}

/// Fails unless the first line has `columns` in this order, others between them or not.
fn has_columns(text: &str, columns: &[&str]) -> Result<()> {
    let head: Vec<&str> = text.lines().next().unwrap_or_default().split("  ").map(str::trim).collect();
    let mut rest = head.iter();
    for column in columns {
        rest.find(|name| *name == column).with_context(|| format!("no column {column} where it should be: {head:?}"))?;
    }
    Ok(())
}
