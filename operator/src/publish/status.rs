//! Writes the statuses of resources, when they differ from what they show.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
    core::{ApiResource, DynamicObject, NamespaceResourceScope},
};
use postern_crds::{AcceptedDomain, AcceptedDomainStatus, SmtpRelay, SmtpRelayStatus, condition::types};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::merge;
use crate::{
    apply::FIELD_MANAGER,
    cluster::{Permits, World, WriteError, world::Unreadable},
    inventory::Key,
    status::{Conditions, Reason},
};

/// Writes statuses, each with the right to do so at that moment.
#[derive(Clone)]
pub struct Statuses {
    client: Client,
    permits: Permits,
}

impl Statuses {
    /// Writes by `client` as long as `permits` are given.
    #[must_use]
    pub fn new(client: Client, permits: Permits) -> Self {
        Self { client, permits }
    }

    /// Makes the status of a relay `new`. Says whether that took a write.
    pub async fn relay(&self, relay: &SmtpRelay, new: &SmtpRelayStatus, world: &World) -> Result<bool, WriteError> {
        let written = self.patch(relay, relay.status.as_ref(), new).await?;
        Ok(written.inspect(|relay| world.wrote_relay(relay)).is_some())
    }

    /// Makes the status of a domain `new`. Says whether that took a write.
    pub async fn domain(&self, domain: &AcceptedDomain, new: &AcceptedDomainStatus, world: &World) -> Result<bool, WriteError> {
        let written = self.patch(domain, domain.status.as_ref(), new).await?;
        Ok(written.inspect(|domain| world.wrote_domain(domain)).is_some())
    }

    /// Nothing when there was nothing to write, or nobody to write it to any more.
    async fn patch<K, S>(&self, object: &K, old: Option<&S>, new: &S) -> Result<Option<K>, WriteError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
        S: Serialize,
    {
        let patch = merge::patch(object.meta().uid.as_deref(), old, new).map_err(kube::Error::SerdeError)?;
        let Some(patch) = patch else { return Ok(None) };
        let key = Key::of(object.meta());
        let api: Api<K> = Api::namespaced(self.client.clone(), &key.namespace);
        gone_is_done(self.permits.take()?.spend(api.patch_status(&key.name, &params(), &Patch::Merge(&patch))).await)
    }

    /// Tells on a resource that does not have the form of its kind what is wrong with it. Says whether that took a write.
    pub async fn unreadable(&self, kind: &ApiResource, resource: &Unreadable, message: &str, now: Timestamp) -> Result<bool, WriteError> {
        let key = Key::of(&resource.metadata);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, kind);
        let old: Vec<Condition> = serde_json::from_value(resource.status["conditions"].clone()).unwrap_or_default();
        let mut conditions = Conditions::new(resource.metadata.generation, now, &old);
        for type_ in [types::ACCEPTED, types::READY] {
            conditions.set(type_, false, Reason::Invalid, message);
        }
        conditions.set(types::STALLED, true, Reason::Invalid, message);
        let status = json!({"observedGeneration": resource.metadata.generation, "conditions": conditions.finish()});
        // What else it shows is about what was last good, and stays.
        let is_same = ["observedGeneration", "conditions"].iter().all(|field| resource.status[field] == status[field]);
        if is_same {
            return Ok(false);
        }
        let patch: Value = json!({"metadata": {"uid": resource.metadata.uid}, "status": status});
        let written = self.permits.take()?.spend(api.patch_status(&key.name, &params(), &Patch::Merge(&patch))).await;
        Ok(gone_is_done(written)?.is_some())
    }
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// Who deletes a resource cares for its status no more.
fn gone_is_done<T>(written: Result<T, WriteError>) -> Result<Option<T>, WriteError> {
    match written {
        Ok(object) => Ok(Some(object)),
        Err(WriteError::Api(kube::Error::Api(status))) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}
