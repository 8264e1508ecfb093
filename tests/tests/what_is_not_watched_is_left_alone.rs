//! An operator that watches some namespaces asks for nothing and writes nothing in any other.

use anyhow::{Result, ensure};
use postern_crds::{AcceptedDomain, SmtpRelay};
use postern_tests::cluster::{mail::Shown, stage::Stage};
use serde_json::json;

#[tokio::test]
async fn a_relay_elsewhere_is_somebody_elses() -> Result<()> {
    let Some(stage) = Stage::set("watched").await? else { return Ok(()) };
    let elsewhere = stage.beside("elsewhere", json!({})).await?;
    let manifests = Shown::new()?.edge(2525);
    elsewhere.apply(&manifests).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.apply(&manifests).await?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;

    ensure!(elsewhere.api::<SmtpRelay>().get("edge").await?.status.is_none(), "a relay that is not watched has a status");
    ensure!(elsewhere.api::<AcceptedDomain>().get("example-com").await?.status.is_none(), "a domain that is not watched has a status");
    let mine = [stage.namespace.as_str(), stage.release.namespace.as_str()];
    for entry in stage.requests()? {
        let within = entry.object_ref.as_ref().map(|object| object.namespace.as_str()).unwrap_or_default();
        ensure!(mine.contains(&within) || entry.object_ref.is_none(), "asked for {} {}", entry.verb, entry.request_uri);
    }
    Ok(())
}
