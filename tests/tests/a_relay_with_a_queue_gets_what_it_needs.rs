//! A relay whose pods have volumes, users and a smart host with a password: its objects on a real API server, users and logins that come and go in
//! them, and volumes that stay.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    apps::v1::StatefulSet,
    core::v1::{PersistentVolumeClaim, Secret, Service},
    events::v1::Event,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use postern_config::{User, material::user_file};
use postern_crds::SmtpRelay;
use postern_tests::{cluster::stage::Stage, poll};
use serde_json::json;

const HASH: &str = "$2y$12$abcdefghijklmnopqrstuuKf5Rl8ByzkNq5h1pjnMTO0wCKdhcHYa";

const RELAY: &str = "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: edge}
spec:
  hostname: mx1.example.com
  replicas: 2
  listeners: [{name: out, role: Submission, port: 587}]
  auth: {users: {secretRefs: [{name: billing}, {name: crm}]}}
  routes: [{name: smart, smartHosts: [{host: smart.example.com}], credentialsRef: {name: login}}]
  spool: {storage: PersistentVolume, persistentVolume: {size: 1Gi}}
---
";

fn secret(name: &str, values: &[(&str, &str)]) -> String {
    let values: BTreeMap<_, _> = values.iter().copied().collect();
    format!("{}\n---\n", json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": values }))
}

fn user(name: &str, more: &[(&str, &str)]) -> String {
    secret(name, &[&[("username", name), ("passwordHash", HASH), ("allowedSenders", "@example.com")], more].concat())
}

/// The files that the relay's own Secrets hold for pods.
async fn files(stage: &Stage) -> Result<BTreeMap<String, Vec<u8>>> {
    let own = ListParams::default().labels("postern.dev/relay=edge");
    let secrets = stage.api::<Secret>().list(&own).await?.items;
    Ok(secrets.into_iter().flat_map(|secret| secret.data.unwrap_or_default()).map(|(file, content)| (file, content.0)).collect())
}

/// Waits until the files whose names begin with `stem` are as wanted.
async fn files_are(stage: &Stage, stem: &str, what: &str, is_right: impl Fn(&[Vec<u8>]) -> bool) -> Result<()> {
    let found = async || {
        let files = files(stage).await.ok()?;
        let meant: Vec<_> = files.into_iter().filter(|(file, _)| file.starts_with(stem)).map(|(_, content)| content).collect();
        is_right(&meant).then_some(())
    };
    poll::until(what, found).await
}

#[tokio::test]
async fn users_and_logins_come_to_pods_and_go() -> Result<()> {
    let Some(stage) = Stage::set("queue").await? else { return Ok(()) };
    let login = secret("login", &[("username", "edge"), ("password", "s3cret")]);
    stage.apply(&[RELAY, &login, &user("billing", &[]), &user("crm", &[])].concat()).await?;
    let _operator = stage.operator().await?;
    files_are(&stage, "user.", "two users", |users| users.len() == 2).await?;
    files_are(&stage, "credentials.", "a login", |logins| logins.len() == 1).await?;
    stage.relay_is("edge", "ResolvedRefs", "True", "").await?;
    stage.relay_is("edge", "SpoolDurable", "True", "OutlivesPods").await?;
    let set = stage.api::<StatefulSet>().get("edge-relay").await?;
    let pods = set.spec.as_ref().context("no spec")?.template.clone();

    // A user who changes, one who goes wrong, and one who is mended.
    let rate = |rate: u32| {
        move |users: &[Vec<u8>]| {
            users.iter().any(|user| serde_json::from_slice::<User>(user).is_ok_and(|user| user.messages_per_minute == rate))
        }
    };
    stage.apply(&user("billing", &[("messagesPerMinute", "7")])).await?;
    files_are(&stage, "user.billing-", "another rate", rate(7)).await?;
    stage.apply(&secret("crm", &[("username", "crm"), ("passwordHash", "hunter2"), ("allowedSenders", "@example.com")])).await?;
    let told = stage.relay_is("edge", "ResolvedRefs", "False", "InvalidReference").await?;
    ensure!(told.contains("crm") && told.contains("`passwordHash`") && !told.contains("hunter2"), "{told}");
    files_are(&stage, "user.crm-", "nobody in its place", <[_]>::is_empty).await?;
    files_are(&stage, "user.billing-", "the other, as before", rate(7)).await?;
    stage.apply(&user("crm", &[])).await?;
    stage.relay_is("edge", "ResolvedRefs", "True", "").await?;
    files_are(&stage, "user.crm-", "the user again", |users| users.len() == 1).await?;
    ensure!(files(&stage).await?.keys().all(|file| *file != user_file("crm")), "names of files tell Secrets of other namespaces apart");

    // A login that goes wrong is kept as it was; one that nothing refers to goes.
    stage.apply(&secret("login", &[("username", "edge"), ("tokenURL", "https://issuer.example/")])).await?;
    stage.relay_is("edge", "ResolvedRefs", "False", "InvalidReference").await?;
    files_are(&stage, "credentials.", "the login of before", |logins| {
        logins.iter().any(|login| login.windows(6).any(|part| part == b"s3cret"))
    })
    .await?;
    stage.apply(&RELAY.replace(", credentialsRef: {name: login}", "")).await?;
    stage.relay_is("edge", "ResolvedRefs", "True", "").await?;
    files_are(&stage, "credentials.", "no login", <[_]>::is_empty).await?;
    stage.api::<Secret>().delete("billing", &DeleteParams::default()).await?;
    stage.relay_is("edge", "ResolvedRefs", "False", "RefNotFound").await?;
    files_are(&stage, "user.billing-", "nobody in its place", <[_]>::is_empty).await?;
    let set = stage.api::<StatefulSet>().get("edge-relay").await?;
    ensure!(set.spec.context("no spec")?.template == pods, "a user or a login made new pods");
    Ok(())
}

#[tokio::test]
async fn volumes_stay_and_are_named() -> Result<()> {
    let Some(stage) = Stage::set("volumes").await? else { return Ok(()) };
    stage
        .apply(&[RELAY, &secret("login", &[("username", "edge"), ("password", "x")]), &user("billing", &[]), &user("crm", &[])].concat())
        .await?;
    let _operator = stage.operator().await?;
    poll::until("a StatefulSet", async || stage.api::<StatefulSet>().get_opt("edge-relay").await.ok()?.map(drop)).await?;
    let peers = stage.api::<Service>().get("edge-peers").await?;
    ensure!(peers.spec.context("no spec")?.cluster_ip.as_deref() == Some("None"), "an address stands for all pods");
    for number in 0..2 {
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": format!("queue-edge-relay-{number}"), "labels": { "postern.dev/relay": "edge" } },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        });
        // The set's controller may have made it.
        let force = PatchParams { force: true, ..PatchParams::apply("test") };
        stage.api::<PersistentVolumeClaim>().patch(&format!("queue-edge-relay-{number}"), &force, &Patch::Apply(claim)).await?;
    }
    let scale = json!({ "spec": { "replicas": 1 } });
    stage.api::<SmtpRelay>().patch("edge", &PatchParams::default(), &Patch::Merge(scale)).await?;
    let told = retained(&stage, "queue-edge-relay-1").await?;
    ensure!(!told.contains("queue-edge-relay-0"), "{told}");
    stage.api::<SmtpRelay>().delete("edge", &DeleteParams::default()).await?;
    retained(&stage, "queue-edge-relay-0, queue-edge-relay-1").await?;
    let claims = stage.api::<PersistentVolumeClaim>().list(&ListParams::default()).await?;
    ensure!(
        claims.iter().all(|claim| claim.metadata.deletion_timestamp.is_none()) && claims.iter().count() == 2,
        "{:?}",
        claims.iter().map(ResourceExt::name_any).collect::<Vec<_>>()
    );
    Ok(())
}

/// Waits for an event that names volumes that stay; its note.
async fn retained(stage: &Stage, names: &str) -> Result<String> {
    poll::until("an event that names the volumes", async || {
        let events = stage.api::<Event>().list(&ListParams::default()).await.ok()?;
        let notes = events.into_iter().filter(|event| event.reason.as_deref() == Some("VolumeRetained")).filter_map(|event| event.note);
        notes.into_iter().find(|note| note.contains(names))
    })
    .await
}
