//! All that an operator made in a namespace, in a form in which two namespaces compare.

use std::collections::BTreeMap;

use anyhow::Result;
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Map, Value};

/// The kinds that a relay consists of, and those that say what it is to be.
const KINDS: [(&str, &str, &str); 10] = [
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("", "v1", "Service"),
    ("", "v1", "ServiceAccount"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "StatefulSet"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("postern.dev", "v1alpha1", "AcceptedDomain"),
    ("postern.dev", "v1alpha1", "SmtpRelay"),
];

/// Every object of those kinds, by kind and name. What differs between two namespaces that are alike is gone: identities, versions, times,
/// addresses, and what is in Secrets but its keys.
pub async fn of(client: &Client, namespace: &str) -> Result<BTreeMap<String, Value>> {
    let mut objects = BTreeMap::new();
    for (group, version, kind) in KINDS {
        let plural = if kind == "NetworkPolicy" { "networkpolicies".to_owned() } else { format!("{}s", kind.to_lowercase()) };
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), &plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        for object in api.list(&ListParams::default()).await?.items {
            let name = object.metadata.name.clone().unwrap_or_default();
            let text = serde_json::to_string(&object)?.replace(namespace, "NAMESPACE");
            let mut object: Value = serde_json::from_str(&text)?;
            make_comparable(kind, &mut object);
            objects.insert(format!("{kind} {name}"), object);
        }
    }
    Ok(objects)
}

fn make_comparable(kind: &str, object: &mut Value) {
    if kind == "Secret" {
        for value in object["data"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            *value = Value::Null;
        }
    }
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
        remove(object, "/metadata", field);
    }
    for field in ["clusterIP", "clusterIPs"] {
        remove(object, "/spec", field);
    }
    // Hashes of what holds the namespace, the owner's UID and, in Secrets, keys.
    remove(object, "/metadata/annotations", "postern.dev/desired");
    remove(object, "/status", "configHash");
    if kind == "SmtpRelay" {
        remove(object, "/status", "addresses");
    }
    remove(object, "/metadata/annotations", "deployment.kubernetes.io/revision");
    drop_everywhere(object, &["uid", "lastTransitionTime", "lastUpdateTime", "observedGeneration", "nodePort", "healthCheckNodePort"]);
}

fn remove(object: &mut Value, place: &str, field: &str) {
    if let Some(map) = object.pointer_mut(place).and_then(Value::as_object_mut) {
        map.remove(field);
    }
}

fn drop_everywhere(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| !fields.contains(&name.as_str()));
            map.values_mut().for_each(|value| drop_everywhere(value, fields));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_everywhere(item, fields)),
        _ => {}
    }
}

/// Where two snapshots differ, a line for each object and place.
#[must_use]
pub fn differences(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found = Vec::new();
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for name in names {
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) => compare(name, one, other, &mut found),
            (Some(_), None) => found.push(format!("{name} is missing")),
            (None, _) => found.push(format!("{name} is too many")),
        }
    }
    found
}

fn compare(place: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let child = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                compare(&format!("{place}.{name}"), &child(a), &child(b), found);
            }
        }
        (one, other) if one == other => {}
        (one, other) => found.push(format!("{place}: {one} / {other}")),
    }
}
