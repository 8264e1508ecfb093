//! A certificate, a domain and what a domain brings along reach pods that run. What a pod can't take while it runs replaces it, and an event says
//! why.

use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::{ResourceExt as _, api::ListParams};
use postern_tests::{
    cluster::{
        mail::{Shown, authority, relay, verified_domain},
        stage::Stage,
    },
    next_hop::Script,
    pki::Authority,
    poll,
};

#[tokio::test]
async fn certificates_and_domains_reach_pods_that_run_and_listeners_replace_them() -> Result<()> {
    let Some(stage) = Stage::set("rolled").await? else { return Ok(()) };
    let internal = Authority::new("Internal CA")?;
    let next_hop = Script::good().with_tls(internal.server(&["localhost"])?.server_config()?).start().await?;
    let port = next_hop.address().port();
    let shown = Shown::new()?;
    stage.apply(&shown.edge(port)).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    let first = stage.pod().await?.uid();

    // Who issued it, its key and its end are new.
    let renewed = Shown::new()?;
    stage.apply(&renewed.secret()).await?;
    renewed.answers(&stage, &kubelet, "user@example.com", "250").await?;
    stage.apply(&[authority("ca", &internal), verified_domain("example.org", "localhost", port, "{name: ca}")].concat()).await?;
    renewed.answers(&stage, &kubelet, "user@example.org", "250").await?;
    stage.relay_is("edge", "Programmed", "True", "").await?;
    ensure!(stage.pod().await?.uid() == first, "the pod was replaced");
    ensure!(rolls(&stage).await?.is_empty(), "{:?}", rolls(&stage).await?);

    let two = "listeners: [{name: mx, role: Inbound, port: 25, tls: {mode: StartTls}}, {name: more, role: Inbound, port: 26}]";
    let of_two = relay("edge", "").replace("listeners: [{name: mx, role: Inbound, port: 25, tls: {mode: StartTls}}]", two);
    stage.apply(&of_two).await?;
    let told = poll::until("an event", async || rolls(&stage).await.ok()?.pop()).await?;
    println!("{told}");
    ensure!(told.contains("listener") || told.contains("port"), "the event does not say why: {told}");
    poll::until("another pod", async || (stage.pod().await.ok()?.uid() != first).then_some(())).await?;
    stage.relay_is("edge", "Programmed", "True", "").await?;
    renewed.answers(&stage, &kubelet, "user@example.org", "250").await
}

/// The events that say why pods are replaced.
async fn rolls(stage: &Stage) -> Result<Vec<String>> {
    let events = stage.api::<Event>().list(&ListParams::default()).await?;
    Ok(events.into_iter().filter(|event| event.reason.as_deref() == Some("PodsRolled")).filter_map(|event| event.note).collect())
}
