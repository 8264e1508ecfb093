//! An API that is absent when the operator starts is used as soon as it is there: nobody has to restart anything.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams},
    core::GroupVersionKind,
};
use postern_tests::{
    cluster::{
        Cluster, foreign,
        kstatus::Status,
        mail::{Shown, authority, domain, relay, verified_domain},
        stage::Stage,
    },
    pki::Authority,
    poll,
};
use serde_json::json;

#[tokio::test]
async fn grants_count_once_their_kind_is_installed() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let stage = Stage::set_for_all(Arc::new(cluster), "mail", json!({})).await?;
    let trust = stage.beside("trust", json!({})).await?;
    trust.apply(&authority("ca", &Authority::new("CA")?)).await?;
    let its_domain = verified_domain("example.com", "127.0.0.1", 2525, &format!("{{name: ca, namespace: {}}}", trust.namespace));
    stage.apply(&[Shown::new()?.secret(), relay("edge", ""), its_domain].concat()).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    stage.domain_is("example-com", "ResolvedRefs", "False", "RefNotPermitted").await?;

    foreign::reference_grants(&stage.client).await?;
    trust.apply(&foreign::grant(&stage.namespace)).await?;
    stage.domain_is("example-com", "Ready", "True", "").await.map(drop)
}

#[tokio::test]
async fn cert_manager_is_asked_once_it_is_installed() -> Result<()> {
    let Some(cluster) = Cluster::start().await? else { return Ok(()) };
    let stage = Stage::set_with(Arc::new(cluster), "mail", json!({ "certManager": { "enabled": true } })).await?;
    let issued = relay("edge", "").replace("{secretRef: {name: mx-tls}}", "{issuerRef: {name: letsencrypt, kind: ClusterIssuer}}");
    stage.apply(&[issued, domain("example.com", 2525)].concat()).await?;
    let _operator = stage.operator().await?;
    let _kubelet = stage.kubelet()?;
    let message = stage.relay_is("edge", "Stalled", "True", "ApiMissing").await?;
    ensure!(message.contains("cert-manager") && message.contains("spec.tls.certificate.issuerRef"), "{message}");

    foreign::certificates(&stage.client).await?;
    stage.relay_is("edge", "ResolvedRefs", "False", "CertificateNotIssued").await?;
    // It may take the issuer its time.
    stage.waiters_say("SmtpRelay", "edge", Status::InProgress).await?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"));
    let certificates: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), &stage.namespace, &resource);
    let asked = poll::until("the Certificate", async || certificates.list(&ListParams::default()).await.ok()?.items.pop()).await?;
    // As cert-manager would answer.
    let secret = asked.data["spec"]["secretName"].as_str().unwrap_or_default().to_owned();
    stage.apply(&Shown::new()?.secret().replace("mx-tls", &secret)).await?;
    stage.relay_is("edge", "Ready", "True", "").await.map(drop)
}
