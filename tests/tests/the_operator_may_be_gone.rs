//! While no operator runs, mail flows and a pod that is lost returns; what was asked for meanwhile takes effect when the operator is back.

use anyhow::{Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::{ResourceExt as _, api::DeleteParams};
use postern_tests::{
    cluster::{
        kstatus::Status,
        mail::{Shown, domain},
        stage::Stage,
    },
    next_hop::Script,
    poll,
};

#[tokio::test]
async fn mail_flows_lost_pods_return_and_a_scale_waits_for_the_operator() -> Result<()> {
    let Some(stage) = Stage::set("alone").await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    stage.apply(&shown.edge(next_hop.address().port())).await?;
    let operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;

    drop(operator);
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    let lost = stage.pod().await?.name_any();
    stage.api::<Pod>().delete(&lost, &DeleteParams::default()).await?;
    let place = format!("{}/{lost}", stage.namespace);
    poll::until("the pod to go", async || (!kubelet.addresses().contains_key(&place)).then_some(())).await?;
    // Another has taken its place, and knows what it needs.
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;

    let scaled = stage.cluster.kubectl(&["-n", &stage.namespace, "scale", "smtprelay/edge", "--replicas=3"]).await?;
    scaled.expect("scaled")?;
    stage.apply(&domain("example.org", next_hop.address().port())).await?;
    stage.waiters_say("SmtpRelay", "edge", Status::InProgress).await?;
    shown.answers(&stage, &kubelet, "user@example.org", "550").await?;
    let workload = stage.api::<Deployment>().get("edge-relay").await?;
    ensure!(workload.spec.and_then(|spec| spec.replicas) == Some(1), "who has scaled the workload?");

    let _operator = stage.operator().await?;
    stage.waiters_say("SmtpRelay", "edge", Status::Current).await?;
    poll::until("three pods", async || (kubelet.addresses().len() == 3).then_some(())).await?;
    for pod in kubelet.addresses().keys() {
        shown.pod_answers(&kubelet, pod, "user@example.org", "250").await?;
    }
    Ok(())
}
