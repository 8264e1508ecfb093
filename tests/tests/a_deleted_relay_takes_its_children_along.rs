//! When a relay is deleted, all that it consisted of goes, and nothing of another relay is touched: its mail flows.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use postern_crds::SmtpRelay;
use postern_tests::{
    cluster::{
        mail::{Shown, domain, relay},
        snapshot,
        stage::Stage,
    },
    next_hop::Script,
    poll,
};
use serde_json::Value;

#[tokio::test]
async fn all_children_go_and_the_other_relay_stays_as_it_is() -> Result<()> {
    let Some(stage) = Stage::set("deleted").await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    let port = next_hop.address().port();
    let doomed = relay("doomed", "").replace("port: 25,", "port: 26,");
    let its_domain = domain("example.org", port).replace("relayRefs: [{name: edge}]", "relayRefs: [{name: doomed}, {name: edge}]");
    stage.apply(&[shown.secret(), relay("edge", ""), doomed, domain("example.com", port), its_domain].concat()).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.relay_is("doomed", "Ready", "True", "").await?;
    stage.domain_is("example-org", "Ready", "True", "").await?;
    let before = of_relay(&stage, "edge").await?;
    ensure!(before.len() > 5 && !of_relay(&stage, "doomed").await?.is_empty());

    stage.api::<SmtpRelay>().delete("doomed", &DeleteParams::default()).await?;
    poll::until("the children to go", async || of_relay(&stage, "doomed").await.ok()?.is_empty().then_some(())).await?;
    stage.domain_is("example-org", "Accepted", "False", "RelayNotFound").await?;
    ensure!(snapshot::differences(&before, &of_relay(&stage, "edge").await?).is_empty());
    shown.answers(&stage, &kubelet, "user@example.com", "250").await
}

/// What a relay consists of.
async fn of_relay(stage: &Stage, name: &str) -> Result<BTreeMap<String, Value>> {
    let mut all = snapshot::of(&stage.client, &stage.namespace).await?;
    all.retain(|_, object| object["metadata"]["labels"]["postern.dev/relay"] == name);
    Ok(all)
}
