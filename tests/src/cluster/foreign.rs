//! Kinds of other projects that the operator reads or makes, as far as the API server has to know them.

use anyhow::Result;
use hyper::Request;
use kube::Client;
use serde_json::{Value, json};

use super::manifest;
use crate::poll;

/// Installs `ReferenceGrant` of the Gateway API.
pub async fn reference_grants(client: &Client) -> Result<()> {
    install(client, "gateway.networking.k8s.io", "v1beta1", "ReferenceGrant").await
}

/// A `ReferenceGrant` called `mail`: domains of `namespace` may refer to ConfigMaps.
#[must_use]
pub fn grant(namespace: &str) -> String {
    let grant = json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": { "name": "mail" },
        "spec": {
            "from": [{ "group": "postern.dev", "kind": "AcceptedDomain", "namespace": namespace }],
            "to": [{ "group": "", "kind": "ConfigMap" }],
        },
    });
    grant.to_string()
}

/// Installs `Certificate` of cert-manager.
pub async fn certificates(client: &Client) -> Result<()> {
    install(client, "cert-manager.io", "v1", "Certificate").await
}

async fn install(client: &Client, group: &str, version: &str, kind: &str) -> Result<()> {
    let plural = format!("{}s", kind.to_lowercase());
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let schema: Value = json!({ "type": "object", "properties": { "spec": anything, "status": anything } });
    let version_of = json!({
        "name": version, "served": true, "storage": true, "subresources": { "status": {} }, "schema": { "openAPIV3Schema": schema },
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            // Groups below k8s.io are asked for it.
            "annotations": { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/2997" },
        },
        "spec": {
            "group": group, "scope": "Namespaced", "versions": [version_of],
            "names": { "kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase() },
        },
    });
    manifest::apply(client, &definition).await?;
    poll::until(&format!("{kind} to be served"), async || {
        let request = Request::get(format!("/apis/{group}/{version}/{plural}")).body(Vec::new()).ok()?;
        client.request_text(request).await.ok()
    })
    .await
    .map(drop)
}
