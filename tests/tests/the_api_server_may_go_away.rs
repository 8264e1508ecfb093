//! While the API server is gone, mail flows and pods run on; when it is back after a minute, the operator goes on without a restart.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use postern_crds::AcceptedDomain;
use postern_tests::{
    cluster::{
        Cluster,
        mail::{Shown, domain},
        operator::Operator,
        stage::Stage,
    },
    next_hop::Script,
};
use serde_json::json;

/// How long it is gone.
const GONE: Duration = Duration::from_mins(1);
/// In which every watch has begun again, and everything is done that comes of it.
const CALM: Duration = Duration::from_secs(40);

#[tokio::test]
async fn the_operator_goes_on_when_the_api_server_is_back() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    // With all that it may watch, what belongs to no namespace too.
    let stage = Stage::set_for_all(Arc::new(cluster), "gone", json!({})).await?;
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    stage.apply(&shown.edge(next_hop.address().port())).await?;
    // With its lease, which it can't renew meanwhile.
    let mut operator = Operator::start(&stage.cluster, &stage.release).await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    // The last that it learns of itself: how its first client has come.
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    stage.relay_is("edge", "ClientAddressPreserved", "True", "").await?;

    let before = stage.writes()?.len();
    stage.cluster.stop_api_server().await;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    tokio::time::sleep(GONE).await;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    ensure!(operator.process.is_running(), "the operator ended with the API server");
    stage.cluster.start_api_server().await?;

    // What it was told of nothing meanwhile is not what is gone: all is as it was.
    tokio::time::sleep(CALM).await;
    ensure!(stage.writes()?.len() == before, "written though nothing has changed: {:?}", &stage.writes()?[before..]);
    stage.apply(&domain("example.org", next_hop.address().port())).await?;
    shown.answers(&stage, &kubelet, "user@example.org", "250").await?;
    let patch = json!({ "spec": { "recipients": { "blocked": ["user@example.com"] } } });
    stage.api::<AcceptedDomain>().patch("example-com", &PatchParams::default(), &Patch::Merge(patch)).await?;
    shown.answers(&stage, &kubelet, "user@example.com", "550").await?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    ensure!(operator.process.is_running());
    operator.is_ready().await
}
