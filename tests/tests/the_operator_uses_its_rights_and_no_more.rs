//! The chart gives the operator the rights that it needs: in all that it does nothing is forbidden, and nothing is granted that it does not use.
//! What its right to a pod's status would give beyond one annotation, the admission policy takes back.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::{
    Api, Error, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use postern_crds::AcceptedDomain;
use postern_tests::{
    cluster::{
        Cluster, foreign,
        mail::{Shown, authority, relay, verified_domain},
        operator::Operator,
        release::Release,
        rights,
        stage::Stage,
    },
    pki::Authority,
    poll,
};
use serde_json::{Value, json};

/// Verbs and resources that wait for a worse day than this test knows: what is of no use any more to a relay of another version of the operator,
/// or to one that loses its issuer, and a CA whose time has come.
const WORSE_DAYS: [(&str, &str); 8] = [
    ("delete", "secrets"),
    ("delete", "serviceaccounts"),
    ("delete", "deployments"),
    ("delete", "statefulsets"),
    ("delete", "networkpolicies"),
    ("delete", "poddisruptionbudgets"),
    ("delete", "certificates"),
    ("update", "secrets"),
];

/// A relay whose pods have volumes.
const QUEUED: &str = "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: queued}
spec:
  hostname: mx1.example.com
  replicas: 1
  listeners: [{name: in, role: Trusted, port: 2526, trusted: {cidrs: [192.0.2.1/32], allowedSenders: ['@example.com']}}]
  spool: {storage: PersistentVolume, persistentVolume: {size: 1Gi}}
";

/// Lets the operator do all that it ever does, and returns when it is done.
async fn life(stage: &Stage) -> Result<()> {
    let apply = async |yaml: &str| stage.apply(yaml).await;
    let verified = verified_domain("example.com", "127.0.0.1", 2525, "{name: ca}");
    let inside = "  - {name: inside, role: Inbound, port: 26, exposure: Cluster, tls: {mode: StartTls}}";
    let two = relay("edge", "").replace(
        "  listeners: [{name: mx, role: Inbound, port: 25, tls: {mode: StartTls}}]",
        &format!("  listeners:\n  - {{name: mx, role: Inbound, port: 25, tls: {{mode: StartTls}}}}\n{inside}"),
    );
    apply(&[Shown::new()?.secret(), two, verified].concat()).await?;
    apply(&authority("ca", &Authority::new("CA")?)).await?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    // A Service that is needed no more, an edit by hand, a shard that is needed no more.
    apply(&relay("edge", "")).await?;
    poll::until("the Service to go", async || stage.api::<Service>().get_opt("edge-cluster").await.ok()?.is_none().then_some(())).await?;
    let merge = PatchParams::default();
    stage.api::<Service>().patch("edge-public", &merge, &Patch::Merge(json!({ "spec": { "externalTrafficPolicy": "Cluster" } }))).await?;
    let shards = async || {
        let maps = stage.api::<ConfigMap>().list(&ListParams::default()).await.ok()?;
        Some(maps.into_iter().filter(|map| map.name_any().starts_with("edge-domains")).count())
    };
    poll::until("a shard", async || (shards().await? == 1).then_some(())).await?;
    stage.api::<AcceptedDomain>().delete("example-com", &DeleteParams::default()).await?;
    poll::until("the shard to go", async || (shards().await? == 0).then_some(())).await?;
    // A relay with volumes, of which some are needed no more.
    apply(QUEUED).await?;
    stage.relay_is("queued", "Accepted", "True", "").await?;
    apply(&QUEUED.replace("replicas: 1", "replicas: 0")).await?;
    stage.relay_is("queued", "Accepted", "True", "").await?;
    // A relay with cert-manager.
    let issued = relay("issued", "").replace("port: 25,", "port: 27,").replace("{secretRef: {name: mx-tls}}", "{issuerRef: {name: ca}}");
    apply(&issued).await?;
    stage.relay_is("issued", "ResolvedRefs", "False", "").await.map(drop)
}

/// What was forbidden to the operator, and what it was granted and did not use.
fn judge(cluster: &Cluster, release: &Release) -> Result<()> {
    let entries: Vec<_> = cluster.audit()?.into_iter().filter(|entry| entry.user.username == release.user()).collect();
    let forbidden: BTreeSet<String> =
        entries.iter().filter(|entry| entry.code() == 403).map(|entry| format!("{} {}", entry.verb, entry.request_uri)).collect();
    ensure!(forbidden.is_empty(), "forbidden: {forbidden:#?}");
    let (used, unused): (Vec<_>, Vec<_>) =
        rights::of(release).into_iter().partition(|right| entries.iter().any(|entry| right.was_used_by(entry)));
    println!("{} rights used, {} for a worse day", used.len(), unused.len());
    let waits = |right: &rights::Right| WORSE_DAYS.contains(&(right.verb.as_str(), right.resource.as_str()));
    let needless: Vec<String> = unused.iter().filter(|right| !waits(right)).map(ToString::to_string).collect();
    ensure!(needless.is_empty(), "granted and never used: {needless:#?}");
    Ok(())
}

#[tokio::test]
async fn in_all_namespaces_nothing_is_forbidden_and_every_right_is_used() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let client = cluster.client()?;
    foreign::reference_grants(&client).await?;
    foreign::certificates(&client).await?;
    let stage = Stage::set_for_all(Arc::new(cluster), "mail", json!({ "certManager": { "enabled": true } })).await?;
    // With its lease.
    let _operator = Operator::start(&stage.cluster, &stage.release).await?;
    let _kubelet = stage.kubelet()?;
    life(&stage).await?;
    // Where it may keep no Secrets it asks for nothing either.
    let elsewhere = stage.beside("elsewhere", json!({})).await?;
    elsewhere.apply(&relay("keyless", "").replace("{secretRef: {name: mx-tls}}", "{issuerRef: {name: ca}}")).await?;
    elsewhere.relay_is("keyless", "Stalled", "True", "SecretsNotReadable").await?;
    judge(&stage.cluster, &stage.release)
}

#[tokio::test]
async fn in_some_namespaces_nothing_is_forbidden_and_every_right_is_used() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let client = cluster.client()?;
    foreign::reference_grants(&client).await?;
    foreign::certificates(&client).await?;
    let stage = Stage::set_with(Arc::new(cluster), "mail", json!({ "certManager": { "enabled": true } })).await?;
    let _operator = Operator::start(&stage.cluster, &stage.release).await?;
    let _kubelet = stage.kubelet()?;
    life(&stage).await?;
    judge(&stage.cluster, &stage.release)
}

#[tokio::test]
async fn of_a_pod_the_operator_may_change_one_annotation_and_only_on_pods_of_relays() -> Result<()> {
    let Some(stage) = Stage::set("pods").await? else { return Ok(()) };
    stage.apply(&Shown::new()?.edge(2525)).await?;
    let operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.relay_is("edge", "Ready", "True", "").await?;
    drop(operator);
    let foreign = "{apiVersion: v1, kind: Pod, metadata: {name: foreign, labels: {postern.dev/relay: edge}}, spec: {containers: [{name: a, image: a}], nodeName: b}}";
    stage.apply(foreign).await.context("a pod of somebody else")?;
    let pod = stage.api::<Pod>().list(&ListParams::default()).await?.into_iter().find(|pod| pod.name_any().starts_with("edge-"));
    let pod = pod.context("no pod of the relay")?.name_any();

    let token = stage.cluster.token(&stage.release.namespace, &stage.release.service_account).await?;
    let pods: Api<Pod> = Api::namespaced(stage.cluster.client_with(&token)?, &stage.namespace);
    let annotation = |name: &str| json!({ "metadata": { "annotations": { name: "0" } } });
    let image = json!({ "spec": { "containers": [{ "name": "relay", "image": "example.com/evil:1" }] } });
    let through_status = async |pod: &str, patch: &Value| pods.patch_status(pod, &PatchParams::default(), &Patch::Strategic(patch)).await;

    through_status(&pod, &annotation("postern.dev/config-hash")).await.context("what it is for")?;
    for (what, name, patch) in [
        ("another annotation", &pod, annotation("example.com/x")),
        ("a label", &pod, json!({ "metadata": { "labels": { "app.kubernetes.io/name": "other" } } })),
        ("the address", &pod, json!({ "status": { "podIP": "192.0.2.1", "podIPs": [{ "ip": "192.0.2.1" }] } })),
        ("the pod of somebody else", &"foreign".to_owned(), annotation("postern.dev/config-hash")),
    ] {
        refused(what, through_status(name, &patch).await)?;
    }
    // The subresource has no image; the pod itself is out of reach.
    let _ = through_status(&pod, &image).await;
    refused("the image", pods.patch(&pod, &PatchParams::default(), &Patch::Strategic(&image)).await)?;
    let after = stage.api::<Pod>().get(&pod).await?;
    let runs = after.spec.and_then(|spec| spec.containers.into_iter().next()).and_then(|container| container.image);
    ensure!(runs.as_deref() != Some("example.com/evil:1"), "the image was changed");
    Ok(())
}

/// Fails unless the API server forbade it, or its admission did.
fn refused<T>(what: &str, answer: kube::Result<T>) -> Result<()> {
    match answer {
        Err(Error::Api(status)) if matches!(status.code, 403 | 422) => {
            println!("{what}: {}", status.message);
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("{what} should have been refused")),
        Ok(_) => anyhow::bail!("{what} was not refused"),
    }
}
