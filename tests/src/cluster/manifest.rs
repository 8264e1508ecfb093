//! Manifests as a user applies them.

use anyhow::{Context, Result};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::{Scope, pinned_kind},
};
use serde_json::Value;

/// The documents of a YAML stream, without the empty ones.
pub fn parse(yaml: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// Applies every document of a YAML stream, as `kubectl apply --server-side` would; what names no namespace goes to `namespace`.
pub async fn apply_yaml(client: &Client, namespace: &str, yaml: &str) -> Result<()> {
    for mut manifest in parse(yaml)? {
        if manifest["metadata"]["namespace"].is_null() {
            manifest["metadata"]["namespace"] = namespace.into();
        }
        apply(client, &manifest).await?;
    }
    Ok(())
}

/// Applies one manifest, server-side. The namespace of what has none is ignored.
pub async fn apply(client: &Client, manifest: &Value) -> Result<DynamicObject> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&manifest["kind"]), text(&manifest["metadata"]["name"]));
    let described = || format!("{kind} {name}");
    let (group, version) = match manifest["apiVersion"].as_str().context("a manifest without apiVersion")?.split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", manifest["apiVersion"].as_str().unwrap_or_default()),
    };
    let (resource, capabilities) = pinned_kind(client, &GroupVersionKind::gvk(group, version, &kind)).await.with_context(described)?;
    let mut manifest = manifest.clone();
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => {
            if let Some(metadata) = manifest["metadata"].as_object_mut() {
                metadata.remove("namespace");
            }
            Api::all_with(client.clone(), &resource)
        }
        Scope::Namespaced => {
            Api::namespaced_with(client.clone(), manifest["metadata"]["namespace"].as_str().unwrap_or("default"), &resource)
        }
    };
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&manifest)).await.with_context(described)
}
