//! What a relay consists of is as the operator built it: what is changed by hand is mended, what it needs no more goes, what others own stays.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Secret, Service},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use postern_tests::{
    cluster::{
        kstatus::Status,
        mail::{Shown, domain, relay},
        stage::Stage,
    },
    poll,
};
use serde_json::{Value, json};

/// The next hop of the domains; no mail goes there.
const NEXT_HOP: u16 = 2525;

/// Patches an object as a person would.
async fn by_hand<K>(api: &Api<K>, name: &str, patch: Value) -> Result<K>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    Ok(api.patch(name, &PatchParams { field_manager: Some("hand".to_owned()), ..PatchParams::default() }, &Patch::Merge(&patch)).await?)
}

#[tokio::test]
async fn what_somebody_changes_by_hand_is_mended() -> Result<()> {
    let Some(stage) = Stage::set("mended").await? else { return Ok(()) };
    let shown = Shown::new()?;
    stage.apply(&shown.edge(NEXT_HOP)).await?;
    let _operator = stage.operator().await?;
    let deployments = stage.api::<Deployment>();
    let there = poll::until("the workload", async || deployments.get_opt("edge-relay").await.ok()?).await?;
    let image = image(&there);

    by_hand(&deployments, "edge-relay", json!({ "spec": { "replicas": 7 } })).await?;
    poll::until("the replicas to be 1 again", async || {
        let spec = deployments.get("edge-relay").await.ok()?.spec?;
        (spec.replicas == Some(1)).then_some(())
    })
    .await?;
    let container = json!({ "name": "relay", "image": "example.com/other:1" });
    let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    deployments.patch("edge-relay", &PatchParams::default(), &Patch::Strategic(&patch)).await?;
    let is_mended = async || (self::image(&deployments.get("edge-relay").await.ok()?) == image).then_some(());
    poll::until("the image to be the operator's again", is_mended).await?;

    let maps = stage.api::<ConfigMap>();
    let data = maps.get("edge-config").await?.data;
    by_hand(&maps, "edge-config", json!({ "data": { "relay.json": "{}" } })).await?;
    poll::until("the configuration to be mended", async || (maps.get("edge-config").await.ok()?.data == data).then_some(())).await?;

    let budgets = stage.api::<PodDisruptionBudget>();
    let names: Vec<String> = budgets.list(&of_edge()).await?.iter().map(kube::ResourceExt::name_any).collect();
    let name = names.first().context("a relay without a PodDisruptionBudget")?;
    let uid = budgets.get(name).await?.uid();
    budgets.delete(name, &DeleteParams::default()).await?;
    poll::until("the PodDisruptionBudget to be there again", async || (budgets.get_opt(name).await.ok()??.uid() != uid).then_some(()))
        .await?;

    let secrets = stage.api::<Secret>();
    let (uid, keys) = (secrets.get("edge-tls").await?.uid(), keys(&secrets.get("edge-tls").await?));
    secrets.delete("edge-tls", &DeleteParams::default()).await?;
    poll::until("the certificate to be there again", async || {
        let secret = secrets.get_opt("edge-tls").await.ok()??;
        (secret.uid() != uid && self::keys(&secret) == keys).then_some(())
    })
    .await
}

#[tokio::test]
async fn what_somebody_adds_to_a_selector_or_a_rule_is_taken_away() -> Result<()> {
    let Some(stage) = Stage::set("selectors").await? else { return Ok(()) };
    stage.apply(&Shown::new()?.edge(NEXT_HOP)).await?;
    let _operator = stage.operator().await?;
    let (services, policies) = (stage.api::<Service>(), stage.api::<NetworkPolicy>());
    let budgets = stage.api::<PodDisruptionBudget>();
    let there = async || stage.api::<Deployment>().get_opt("edge-relay").await.ok()?;
    poll::until("the workload, which is the last", there).await?;

    let service = services.get("edge-public").await?.spec;
    by_hand(&services, "edge-public", json!({ "spec": { "selector": { "by": "hand" } } })).await?;
    let is_mended = async || (services.get("edge-public").await.ok()?.spec?.selector == service.as_ref()?.selector).then_some(());
    poll::until("the Service to select the pods again", is_mended).await?;

    let policy = policies.get("edge-relay").await?.spec.context("a policy that says nothing")?;
    let mut rules = serde_json::to_value(&policy.ingress)?;
    rules[0]["ports"][0]["endPort"] = 65535.into();
    by_hand(&policies, "edge-relay", json!({ "spec": { "ingress": rules } })).await?;
    let is_mended = async || (policies.get("edge-relay").await.ok()?.spec.as_ref() == Some(&policy)).then_some(());
    poll::until("the NetworkPolicy to open no more ports", is_mended).await?;
    by_hand(&policies, "edge-relay", json!({ "spec": { "podSelector": { "matchLabels": { "by": "hand" } } } })).await?;
    poll::until("the NetworkPolicy to be about the pods again", is_mended).await?;

    let budget = budgets.get("edge-relay").await?.spec;
    by_hand(&budgets, "edge-relay", json!({ "spec": { "selector": { "matchLabels": { "by": "hand" } } } })).await?;
    poll::until("the PodDisruptionBudget to be about the pods again", async || {
        (budgets.get("edge-relay").await.ok()?.spec == budget).then_some(())
    })
    .await
}

fn image(deployment: &Deployment) -> Option<String> {
    deployment.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.clone()
}

fn keys(secret: &Secret) -> Vec<String> {
    secret.data.iter().flatten().map(|(key, _)| key.clone()).collect()
}

fn of_edge() -> ListParams {
    ListParams::default().labels("postern.dev/relay=edge")
}

#[tokio::test]
async fn what_loses_its_labels_by_hand_gets_them_back() -> Result<()> {
    let Some(stage) = Stage::set("labels").await? else { return Ok(()) };
    stage.apply(&Shown::new()?.edge(NEXT_HOP)).await?;
    let _operator = stage.operator().await?;
    let services = stage.api::<Service>();
    let before = poll::until("the Service", async || services.get_opt("edge-public").await.ok()?).await?;
    for label in ["postern.dev/relay", "app.kubernetes.io/managed-by"] {
        by_hand(&services, "edge-public", json!({ "metadata": { "labels": { label: null } } })).await?;
        let is_mended = async || (services.get("edge-public").await.ok()?.labels() == before.labels()).then_some(());
        poll::until("the label to be there again", is_mended).await?;
    }
    ensure!(services.get("edge-public").await?.uid() == before.uid());
    stage.waiters_say("SmtpRelay", "edge", Status::InProgress).await
}

#[tokio::test]
async fn what_others_set_on_a_service_stays() -> Result<()> {
    let Some(stage) = Stage::set("foreign").await? else { return Ok(()) };
    let services = "  services: [{exposure: Public, type: NodePort}]";
    stage.apply(&[Shown::new()?.secret(), relay("edge", services), domain("example.com", NEXT_HOP)].concat()).await?;
    let _operator = stage.operator().await?;
    let services = stage.api::<Service>();
    let before = poll::until("the Service", async || services.get_opt("edge-public").await.ok()?).await?;
    let foreign = json!({ "metadata": { "annotations": { "cloud.example/id": "lb-1" }, "finalizers": ["cloud.example/cleanup"] } });
    by_hand(&services, "edge-public", foreign).await?;
    // A write of the operator to the same object, to see what it does to the rest.
    by_hand(&services, "edge-public", json!({ "spec": { "externalTrafficPolicy": "Cluster" } })).await?;
    let after = poll::until("the Service to be mended", async || {
        let service = services.get("edge-public").await.ok()?;
        (service.spec.as_ref()?.external_traffic_policy.as_deref() == Some("Local")).then_some(service)
    })
    .await?;
    by_hand(&services, "edge-public", json!({ "metadata": { "finalizers": null } })).await?;
    ensure!(after.annotations().get("cloud.example/id").is_some_and(|id| id == "lb-1"), "{:?}", after.annotations());
    ensure!(after.finalizers() == ["cloud.example/cleanup"], "{:?}", after.finalizers());
    let ports = |service: &Service| -> Vec<_> {
        service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).map(|port| port.node_port).collect()
    };
    let address = |service: &Service| service.spec.as_ref().and_then(|spec| spec.cluster_ip.clone());
    ensure!(ports(&before) == ports(&after) && address(&before) == address(&after), "{before:#?} became {after:#?}");
    Ok(())
}

#[tokio::test]
async fn an_object_of_another_owner_is_not_taken_over() -> Result<()> {
    let Some(stage) = Stage::set("collision").await? else { return Ok(()) };
    stage.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: edge-config}, data: {mine: really}}").await?;
    stage.apply(&Shown::new()?.edge(NEXT_HOP)).await?;
    let _operator = stage.operator().await?;
    let message = stage.relay_is("edge", "Stalled", "True", "NameCollision").await?;
    ensure!(message.contains("ConfigMap") && message.contains("edge-config"), "{message}");
    stage.waiters_say("SmtpRelay", "edge", Status::Failed).await?;
    let maps = stage.api::<ConfigMap>();
    ensure!(maps.get("edge-config").await?.data == Some(BTreeMap::from([("mine".to_owned(), "really".to_owned())])));

    maps.delete("edge-config", &DeleteParams::default()).await?;
    poll::until("the configuration", async || maps.get_opt("edge-config").await.ok()??.data?.contains_key("relay.json").then_some(()))
        .await?;
    // No pods run here, so that it is not ready; but nothing is in its way.
    stage.waiters_say("SmtpRelay", "edge", Status::InProgress).await
}

#[tokio::test]
async fn what_a_relay_needs_no_more_goes() -> Result<()> {
    let Some(stage) = Stage::set("orphans").await? else { return Ok(()) };
    let two = "  listeners:
  - {name: mx, role: Inbound, port: 25, tls: {mode: StartTls}}
  - {name: inside, role: Inbound, port: 26, exposure: Cluster, tls: {mode: StartTls}}";
    let of_one = relay("edge", "");
    let of_two = of_one.replace("  listeners: [{name: mx, role: Inbound, port: 25, tls: {mode: StartTls}}]", two);
    ensure!(of_one != of_two);
    stage.apply(&[Shown::new()?.secret(), of_two, domain("example.com", NEXT_HOP)].concat()).await?;
    let _operator = stage.operator().await?;
    let services = stage.api::<Service>();
    poll::until("both Services", async || (services.list(&of_edge()).await.ok()?.items.len() == 2).then_some(())).await?;
    // It bears the label, and nobody knows why: not ours to delete.
    stage.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: foreign, labels: {postern.dev/relay: edge}}}").await?;

    stage.apply(&of_one).await?;
    poll::until("one Service", async || {
        let names: Vec<String> = services.list(&of_edge()).await.ok()?.iter().map(kube::ResourceExt::name_any).collect();
        (names == ["edge-public"]).then_some(())
    })
    .await?;
    // Longer than any reconcile takes that would delete it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(stage.api::<ConfigMap>().get_opt("foreign").await?.is_some(), "a ConfigMap of another owner is gone");
    Ok(())
}
