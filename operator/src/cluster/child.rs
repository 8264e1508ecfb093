//! Objects of relays as they are in the cluster.

use std::sync::Arc;

use kube::core::{DynamicObject, ObjectMeta};
use serde_json::{Map, Value};

use crate::{
    inventory::Key,
    kind::Kind,
    labels::{self, is_managed},
};

/// The annotation in which `kubectl apply` keeps a copy of what it sent.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object of a relay, as small as it can be held: there are a dozen for each relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// What kind of object it is.
    pub kind: Kind,
    /// Where it is.
    pub key: Key,
    /// Its UID.
    pub uid: String,
    /// The generation of its specification, of kinds that count it.
    pub generation: Option<i64>,
    /// Its version; for preconditions.
    pub resource_version: String,
    /// The UID of the `SmtpRelay` that controls it.
    pub owner_uid: Option<String>,
    /// Whether it bears the operator's label.
    pub managed: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// The object as JSON, without what the server keeps of it and without its status.
    pub json: Arc<[u8]>,
    /// The status as JSON, of the kinds whose status is reported: workloads, Service and Certificate.
    pub status: Option<Arc<[u8]>>,
}

impl Child {
    /// Takes what is held of an object, and the relay that its label names. Nothing when it has no such label.
    #[must_use]
    pub fn of(kind: Kind, object: DynamicObject) -> Option<(Key, Self)> {
        let DynamicObject { types, metadata, data } = object;
        let key = Key::of(&metadata);
        let labels = metadata.labels.as_ref()?;
        let relay = key.sibling(labels.get(labels::RELAY)?);
        let managed = is_managed(labels);
        let owner_uid = owner_uid(&metadata).map(str::to_owned);
        let Value::Object(mut fields) = data else { return None };
        let status = fields.remove("status").filter(|_| shows_status(kind));
        let mut whole = Map::new();
        if let Some(types) = types {
            whole.insert("apiVersion".to_owned(), types.api_version.into());
            whole.insert("kind".to_owned(), types.kind.into());
        }
        whole.insert("metadata".to_owned(), serde_json::to_value(kept(&metadata)).ok()?);
        whole.append(&mut fields);
        let child = Self {
            kind,
            owner_uid,
            generation: metadata.generation,
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            managed,
            terminating: metadata.deletion_timestamp.is_some(),
            json: serde_json::to_vec(&whole).ok()?.into(),
            status: status.and_then(|status| serde_json::to_vec(&status).ok()).map(Into::into),
            key,
        };
        Some((relay, child))
    }
}

/// The UID of the `SmtpRelay` that controls an object.
#[must_use]
pub fn owner_uid(metadata: &ObjectMeta) -> Option<&str> {
    let mut owners = metadata.owner_references.iter().flatten();
    let owner = owners.find(|owner| owner.controller == Some(true) && owner.kind == "SmtpRelay");
    owner.map(|owner| owner.uid.as_str())
}

fn shows_status(kind: Kind) -> bool {
    kind.is_workload() || matches!(kind, Kind::Service | Kind::Certificate)
}

/// What can be wanted of metadata.
fn kept(metadata: &ObjectMeta) -> ObjectMeta {
    let mut annotations = metadata.annotations.clone();
    if let Some(annotations) = &mut annotations {
        annotations.remove(LAST_APPLIED);
    }
    ObjectMeta {
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        labels: metadata.labels.clone(),
        annotations: annotations.filter(|annotations| !annotations.is_empty()),
        owner_references: metadata.owner_references.clone(),
        finalizers: metadata.finalizers.clone(),
        ..ObjectMeta::default()
    }
}

/// Drops what nobody reads of a resource's metadata.
pub(super) fn strip(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}
