//! Many edits of a domain come together to a few writes, the last edit holds, and then nothing is written any more.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};
use postern_crds::AcceptedDomain;
use postern_tests::{
    cluster::{mail::Shown, operator::Operator, stage::Stage},
    poll,
};
use serde_json::json;

const EDITS: u16 = 200;
/// In which they are made.
const SPAN: Duration = Duration::from_secs(10);
/// How long nothing may be written when nothing changes.
const IDLE: Duration = Duration::from_mins(1);
/// What comes before it: a pod's readiness may still become known.
const CALM: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_last_of_200_edits_holds_and_then_nothing_is_written() -> Result<()> {
    let Some(stage) = Stage::set("edits").await? else { return Ok(()) };
    stage.apply(&Shown::new()?.edge(2525)).await?;
    // With its lease, as it runs in a cluster.
    let mut operator = Operator::start(&stage.cluster, &stage.release).await?;
    let _kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;

    let before = stage.writes()?.len();
    let began = Instant::now();
    let domains = stage.api::<AcceptedDomain>();
    for edit in 0..EDITS {
        let next_hops = json!([{ "host": "127.0.0.1", "port": 3000 + edit }]);
        domains.patch("example-com", &PatchParams::default(), &Patch::Merge(json!({ "spec": { "nextHops": next_hops } }))).await?;
        tokio::time::sleep((SPAN / u32::from(EDITS) * (u32::from(edit) + 1)).saturating_sub(began.elapsed())).await;
    }
    let span = began.elapsed();
    let last = 3000 + EDITS - 1;
    poll::until("the last edit to reach the configuration", async || {
        let maps = stage.api::<ConfigMap>().list(&ListParams::default()).await.ok()?;
        let texts = maps.into_iter().filter(|map| map.name_any().starts_with("edge-domains")).filter_map(|map| map.data);
        texts.flat_map(std::collections::BTreeMap::into_values).any(|text| text.contains(&last.to_string())).then_some(())
    })
    .await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    stage.relay_is("edge", "Programmed", "True", "").await?;

    tokio::time::sleep(CALM).await;
    let all = stage.writes()?;
    let made = &all[before..];
    let of_pods = made.iter().filter(|entry| entry.is_about("pods")).count();
    let seconds = usize::try_from((began.elapsed()).as_secs())? + 1;
    println!("{EDITS} edits in {span:?}: {} writes, {of_pods} of them to the pod, in {seconds} s", made.len());
    ensure!(of_pods > 0 && of_pods <= seconds, "{of_pods} patches of one pod in {seconds} s");

    tokio::time::sleep(IDLE).await;
    let idle: Vec<String> = stage.writes()?[all.len()..].iter().map(|entry| format!("{} {}", entry.verb, entry.request_uri)).collect();
    ensure!(idle.is_empty(), "{} writes in {IDLE:?} without a change:\n{}", idle.len(), idle.join("\n"));
    // It was there all the time.
    let mut renewals = stage.requests()?.into_iter().filter(|entry| entry.is_about("leases"));
    let last = renewals.next_back().context("no lease was ever written")?;
    ensure!(operator.process.is_running() && last.is_write());
    Ok(())
}
