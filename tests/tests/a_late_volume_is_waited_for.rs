//! A pod can hear of a new configuration before its node has it, whole or in part. It runs the last good one until all of the new one is there,
//! and is told again until it runs it.

use anyhow::{Result, ensure};
use kube::ResourceExt as _;
use postern_tests::{
    cluster::{
        kubelet::Late,
        mail::{Shown, domain},
        stage::Stage,
    },
    next_hop::Script,
    poll,
};

/// The annotation by which a pod hears of its configuration.
const ANNOTATION: &str = "postern.dev/config-hash";

/// Changes the configuration while the node is late, and again in time.
async fn scene(prefix: &str, late: Late) -> Result<()> {
    let Some(stage) = Stage::set(prefix).await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    let port = next_hop.address().port();
    stage.apply(&shown.edge(port)).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    let first = stage.pod().await?.uid();

    kubelet.is_late_with(late);
    stage.apply(&domain("example.org", port)).await?;
    stage.relay_is("edge", "Programmed", "False", "Pending").await?;
    stage.domain_is("example-org", "Ready", "False", "Pending").await?;
    // Told again, and again, though the node has nothing new to bring.
    let told = poll::until("the pod to be told again", async || {
        let value = stage.pod().await.ok()?.annotations().get(ANNOTATION)?.clone();
        value.split_once('.').map(|(hash, _)| hash.to_owned())
    })
    .await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    shown.answers(&stage, &kubelet, "user@example.org", "550").await?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.relay_is("edge", "Programmed", "False", "Pending").await?;

    kubelet.is_late_with(Late::Nothing);
    shown.answers(&stage, &kubelet, "user@example.org", "250").await?;
    stage.relay_is("edge", "Programmed", "True", "").await?;
    stage.domain_is("example-org", "Ready", "True", "").await?;
    let after = stage.pod().await?;
    ensure!(after.annotations().get(ANNOTATION).is_some_and(|value| value.starts_with(&told)), "{:?}", after.annotations());
    ensure!(after.uid() == first, "the pod was replaced");
    Ok(())
}

#[tokio::test]
async fn an_annotation_that_overtakes_its_data_is_set_again() -> Result<()> {
    scene("overtaken", Late::Everything).await
}

#[tokio::test]
async fn a_root_without_its_shard_is_not_used() -> Result<()> {
    scene("torn", Late::Files("domains-")).await
}
