//! What the API server keeps was once valid, and may not be any more: what can still be read is served, the rest is told and stops nothing else.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DynamicObject, ListParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use postern_tests::{
    cluster::{
        Cluster,
        kstatus::Status,
        mail::{Shown, domain},
        manifest,
        stage::Stage,
    },
    poll,
};
use serde_json::{Value, json};

#[tokio::test]
async fn what_can_be_read_is_served_and_the_rest_stops_nothing() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let stage = Stage::set_in(std::sync::Arc::new(cluster), "older").await?;
    let listener = json!({ "name": "mx", "role": "Inbound", "port": 25, "greeting": "Hello" });
    keep(&stage, "SmtpRelay", "old", json!({ "hostname": "mx1.example.com", "listeners": [listener], "color": "red" })).await?;
    keep(&stage, "SmtpRelay", "broken", json!({ "hostname": "mx1.example.com", "listeners": "none" })).await?;
    let odd = json!([{ "name": "mx", "role": "Outer", "port": 25 }]);
    keep(&stage, "SmtpRelay", "odd", json!({ "hostname": "mx1.example.com", "listeners": odd })).await?;
    keep(&stage, "AcceptedDomain", "broken", json!({ "domain": 1 })).await?;
    let of_old = domain("example.org", 2525).replace("[{name: edge}]", "[{name: old}]");
    stage.apply(&[Shown::new()?.edge(2525), of_old].concat()).await?;

    let _operator = stage.operator().await?;
    ensure!(told(&stage, "SmtpRelay", "broken").await?.contains("kubectl explain smtprelays.spec"));
    told(&stage, "AcceptedDomain", "broken").await?;
    // One that no rule chokes on can be told where everybody looks.
    stage.waiters_say("SmtpRelay", "odd", Status::Failed).await?;
    let _kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    stage.relay_is("old", "Ready", "True", "").await?;
    stage.domain_is("example-org", "Ready", "True", "").await?;

    // One more comes while the operator runs, and the stream goes on.
    keep(&stage, "SmtpRelay", "broken-too", json!({ "listeners": [1] })).await?;
    keep(&stage, "AcceptedDomain", "broken-too", json!({ "relayRefs": "edge" })).await?;
    stage.apply(&domain("example.net", 2525)).await?;
    stage.domain_is("example-net", "Ready", "True", "").await?;
    told(&stage, "SmtpRelay", "broken-too").await?;
    told(&stage, "AcceptedDomain", "broken-too").await?;
    // A domain of a relay that can't be read is not told that there is none.
    stage.apply(&domain("example.edu", 2525).replace("[{name: edge}]", "[{name: broken}]")).await?;
    stage.domain_is("example-edu", "Ready", "False", "Pending").await?;
    let forbidden = stage.requests()?.into_iter().find(|entry| entry.code() == 403);
    ensure!(forbidden.is_none(), "forbidden: {forbidden:?}");
    Ok(())
}

/// Waits until it is told that a resource can't be read. By an event: the API server takes no status for what breaks its schema so far.
async fn told(stage: &Stage, kind: &str, name: &str) -> Result<String> {
    let events = stage.api::<Event>();
    poll::until("the event of what can't be read", async || {
        let events = events.list(&ListParams::default()).await.ok()?;
        let is_told = |event: &&Event| {
            let of = event.regarding.as_ref().map(|regarding| (regarding.kind.as_deref(), regarding.name.as_deref()));
            event.reason.as_deref() == Some("Unreadable") && of == Some((Some(kind), Some(name)))
        };
        events.iter().find(is_told).map(|event| event.note.clone().unwrap_or_default())
    })
    .await
}

/// Has the API server keep an object that the schema of today refuses.
async fn keep(stage: &Stage, kind: &str, name: &str, spec: Value) -> Result<()> {
    let definition = postern_crds::definitions().iter().find(|definition| definition.kind == kind).context("a kind of ours")?;
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("postern.dev", "v1alpha1", kind), &definition.plural);
    let objects: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), &stage.namespace, &resource);
    let mut object = DynamicObject::new(name, &resource);
    object.data = json!({ "spec": spec });
    let mut looser = definition.resource.clone();
    looser["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    manifest::apply(&stage.client, &looser).await?;
    let created = async || objects.create(&PostParams::default(), &object).await.ok();
    poll::until("the looser schema to let the object in", created).await?;
    manifest::apply(&stage.client, &definition.resource).await?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    // What the object has too much would be taken out; that something is missing is refused.
    object.metadata.name = Some(format!("{name}-again"));
    object.data = json!({ "spec": {} });
    poll::until("the schema of today to refuse it", async || objects.create(&dry, &object).await.err()).await.map(drop)
}
