//! The autoscaler of Kubernetes scales a relay as it scales a Deployment, and neither the operator nor who applies the manifest again takes back
//! what it set.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod};
use kube::api::{ListParams, Patch, PatchParams};
use postern_crds::SmtpRelay;
use postern_tests::{
    cluster::{
        kstatus::Status,
        mail::{Shown, domain, relay},
        stage::Stage,
    },
    poll,
};
use serde_json::json;

/// No metrics are served here: between these bounds it leaves a relay alone.
const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: edge}
spec:
  scaleTargetRef: {apiVersion: postern.dev/v1alpha1, kind: SmtpRelay, name: edge}
  minReplicas: 3
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
";

#[tokio::test]
async fn the_autoscaler_sets_the_replicas_and_they_stay() -> Result<()> {
    let Some(stage) = Stage::set("scaled").await? else { return Ok(()) };
    let unsaid = relay("edge", "").replace("  replicas: 1\n", "");
    ensure!(!unsaid.contains("replicas"));
    stage.apply(&[Shown::new()?.secret(), unsaid.clone(), domain("example.com", 2525)].concat()).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.waiters_say("SmtpRelay", "edge", Status::Current).await?;
    let relays = stage.api::<SmtpRelay>();
    ensure!(relays.get("edge").await?.spec.replicas == 2, "the default is 2");

    stage.apply(AUTOSCALER).await?;
    runs(&stage, 3).await?;
    let selector = relays.get_scale("edge").await?.status.and_then(|status| status.selector).context("a scale without a selector")?;
    let selected = stage.api::<Pod>().list(&ListParams::default().labels(&selector)).await?.items.len();
    ensure!(selected == 3, "{selector} selects {selected} pods");
    let is_able = poll::until("the autoscaler to say what it found", async || {
        let status = stage.api::<HorizontalPodAutoscaler>().get("edge").await.ok()?.status?;
        status.conditions?.into_iter().find(|condition| condition.type_ == "AbleToScale")
    });
    let is_able = is_able.await?;
    ensure!(is_able.status == "True", "{is_able:?}");

    // Applied again, with a change and still without replicas.
    stage.apply(&unsaid.replace("{format: Text}", "{format: Json}")).await?;
    stage.waiters_say("SmtpRelay", "edge", Status::Current).await?;
    runs(&stage, 3).await?;

    let bounds = json!({ "spec": { "minReplicas": 1, "maxReplicas": 1 } });
    stage.api::<HorizontalPodAutoscaler>().patch("edge", &PatchParams::default(), &Patch::Merge(bounds)).await?;
    runs(&stage, 1).await
}

/// Waits until the relay is to have so many pods, has them, and says so.
async fn runs(stage: &Stage, wanted: i32) -> Result<()> {
    poll::until(&format!("{wanted} replicas"), async || {
        let scale = stage.api::<SmtpRelay>().get_scale("edge").await.ok()?;
        let of_relay = (scale.spec?.replicas?, scale.status?.replicas);
        let of_workload = stage.api::<Deployment>().get("edge-relay").await.ok()?.spec?.replicas?;
        (of_relay == (wanted, wanted) && of_workload == wanted).then_some(())
    })
    .await?;
    stage.waiters_say("SmtpRelay", "edge", Status::Current).await
}
