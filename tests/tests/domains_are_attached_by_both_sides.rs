//! A domain is served where it asks for it and the relay lets it in; when that ends by anything but its own deletion, its mail is put off with
//! 451, not refused.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use postern_crds::{AcceptedDomain, SmtpRelay};
use postern_tests::{
    cluster::{
        Cluster, foreign,
        kstatus::Status,
        mail::{Shown, authority, domain, relay, verified_domain},
        stage::Stage,
    },
    next_hop::Script,
    pki::Authority,
    poll,
};
use serde_json::json;

/// What a relay says for a domain that it has lost.
const PUT_OFF: &str = "451 4.3.5";

#[tokio::test]
async fn of_two_domains_with_one_name_the_older_has_it() -> Result<()> {
    let Some(stage) = Stage::set("conflict").await? else { return Ok(()) };
    let second = domain("example.com", 2526).replace("name: example-com}", "name: latecomer}");
    stage.apply(&Shown::new()?.edge(2525)).await?;
    // Ages are told apart by seconds.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    stage.apply(&second).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.domain_is("example-com", "Accepted", "True", "").await?;
    let message = stage.domain_is("latecomer", "Accepted", "False", "DomainConflict").await?;
    ensure!(message.contains("example-com"), "the winner is not named: {message}");
    stage.waiters_say("AcceptedDomain", "latecomer", Status::Failed).await?;
    stage.waiters_say("AcceptedDomain", "example-com", Status::Current).await?;

    stage.api::<AcceptedDomain>().delete("example-com", &DeleteParams::default()).await?;
    stage.domain_is("latecomer", "Accepted", "True", "").await?;
    stage.waiters_say("AcceptedDomain", "latecomer", Status::Current).await
}

#[tokio::test]
async fn two_relays_serve_one_domain() -> Result<()> {
    let Some(stage) = Stage::set("shared").await? else { return Ok(()) };
    let other = relay("other", "").replace("port: 25,", "port: 26,");
    let of_both = domain("example.com", 2525).replace("[{name: edge}]", "[{name: edge}, {name: other}]");
    stage.apply(&[Shown::new()?.secret(), relay("edge", ""), other, of_both].concat()).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    let status = stage.api::<AcceptedDomain>().get("example-com").await?.status.context("no status")?;
    ensure!(status.relays.len() == 2, "{:#?}", status.relays);
    for relay in ["edge", "other"] {
        stage.relay_is(relay, "Ready", "True", "").await?;
        let attached = stage.api::<SmtpRelay>().get(relay).await?.status.context("no status")?.attached_domains;
        ensure!(attached == Some(1), "{relay} has {attached:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_domain_that_is_let_in_no_more_is_put_off_and_one_that_is_deleted_is_refused() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let stage = Stage::set_for_all(Arc::new(cluster), "mail", json!({})).await?;
    let tenant = stage.beside("tenant", json!({ "team": "a" })).await?;
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    let allowed = "  allowedDomains:
  - namespaces: {from: Same}
  - {namespaces: {from: Selector, selector: {matchLabels: {team: a}}}, domains: [example.org]}";
    stage.apply(&[shown.secret(), relay("edge", allowed), domain("example.com", next_hop.address().port())].concat()).await?;
    let refers = format!("[{{name: edge, namespace: {}}}]", stage.namespace);
    tenant.apply(&domain("example.org", next_hop.address().port()).replace("[{name: edge}]", &refers)).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    tenant.domain_is("example-org", "Ready", "True", "").await?;
    shown.answers(&stage, &kubelet, "user@example.org", "250").await?;

    // The namespace loses its label, and gets it back.
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    let label = async |team| {
        let patch = json!({ "metadata": { "labels": { "team": team } } });
        namespaces.patch(&tenant.namespace, &PatchParams::default(), &Patch::Merge(patch)).await
    };
    label(None).await?;
    tenant.domain_is("example-org", "Accepted", "False", "NotAllowedByRelay").await?;
    shown.answers(&stage, &kubelet, "user@example.org", PUT_OFF).await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;
    label(Some("a")).await?;
    tenant.domain_is("example-org", "Accepted", "True", "").await?;
    shown.answers(&stage, &kubelet, "user@example.org", "250").await?;

    // The relay lets it in no more, and does again.
    stage.apply(&relay("edge", "  allowedDomains: [{namespaces: {from: Same}}]")).await?;
    tenant.domain_is("example-org", "Accepted", "False", "NotAllowedByRelay").await?;
    shown.answers(&stage, &kubelet, "user@example.org", PUT_OFF).await?;
    stage.apply(&relay("edge", allowed)).await?;
    shown.answers(&stage, &kubelet, "user@example.org", "250").await?;

    tenant.api::<AcceptedDomain>().delete("example-org", &DeleteParams::default()).await?;
    shown.answers(&stage, &kubelet, "user@example.org", "550").await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await
}

#[tokio::test]
async fn a_domain_that_names_the_relay_no_more_is_put_off() -> Result<()> {
    let Some(stage) = Stage::set("unnamed").await? else { return Ok(()) };
    let next_hop = Script::good().start().await?;
    let shown = Shown::new()?;
    let other = relay("other", "").replace("port: 25,", "port: 26,");
    let of_edge = domain("example.com", next_hop.address().port());
    stage.apply(&[shown.secret(), relay("edge", ""), other, of_edge.clone()].concat()).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    stage.apply(&of_edge.replace("[{name: edge}]", "[{name: other}]")).await?;
    poll::until("the relay to have lost its domain", async || {
        let status = stage.api::<SmtpRelay>().get("edge").await.ok()?.status?;
        (status.attached_domains == Some(0)).then_some(())
    })
    .await?;
    let edge = kubelet.addresses().into_keys().find(|name| name.contains("/edge-")).context("no pod of the relay edge")?;
    shown.pod_answers(&kubelet, &edge, "user@example.com", PUT_OFF).await
}

#[tokio::test]
async fn a_reference_to_another_namespace_needs_a_grant_that_lasts() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    foreign::reference_grants(&cluster.client()?).await?;
    let stage = Stage::set_for_all(Arc::new(cluster), "mail", json!({})).await?;
    let trust = stage.beside("trust", json!({})).await?;
    let internal = Authority::new("Internal CA")?;
    let next_hop = Script::good().with_tls(internal.server(&["localhost"])?.server_config()?).start().await?;
    trust.apply(&authority("ca", &internal)).await?;
    let ca = format!("{{name: ca, namespace: {}}}", trust.namespace);
    let its_domain = verified_domain("example.com", "localhost", next_hop.address().port(), &ca);
    let shown = Shown::new()?;
    stage.apply(&[shown.secret(), relay("edge", ""), its_domain, domain("example.org", 2525)].concat()).await?;
    let _operator = stage.operator().await?;
    let kubelet = stage.kubelet()?;
    let message = stage.domain_is("example-com", "ResolvedRefs", "False", "RefNotPermitted").await?;
    ensure!(message.contains("ReferenceGrant"), "the mend is not named: {message}");

    let grant = foreign::grant(&stage.namespace);
    trust.apply(&grant).await?;
    stage.domain_is("example-com", "Ready", "True", "").await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;

    // It grants something else now.
    trust.apply(&grant.replace("\"kind\":\"ConfigMap\"", "\"kind\":\"Secret\"")).await?;
    stage.domain_is("example-com", "ResolvedRefs", "False", "RefNotPermitted").await?;
    shown.answers(&stage, &kubelet, "user@example.com", PUT_OFF).await?;
    trust.apply(&grant).await?;
    shown.answers(&stage, &kubelet, "user@example.com", "250").await?;

    // It is gone.
    let deleted = stage.cluster.kubectl(&["-n", &trust.namespace, "delete", "referencegrants", "mail"]).await?;
    deleted.expect("deleted")?;
    stage.domain_is("example-com", "ResolvedRefs", "False", "RefNotPermitted").await?;
    shown.answers(&stage, &kubelet, "user@example.com", PUT_OFF).await
}
