//! What is known of a relay's pods.

use k8s_openapi::api::core::v1::Pod;

use crate::{
    inventory::Key,
    labels::{self, is_managed},
};

/// The annotation that names the configuration that a pod is to run.
pub const CONFIG_HASH: &str = "postern.dev/config-hash";

/// A pod of a relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// Its first address, once it has one.
    pub ip: Option<String>,
    /// Its condition `Ready`.
    pub ready: bool,
    /// It is being deleted, or has ended.
    pub terminating: bool,
    /// The configuration that it was told to run: its annotation [`CONFIG_HASH`].
    pub config_hash: Option<String>,
    /// Why a container of it does not run, as the kubelet says it, or why it has no node, as the scheduler does: a reason, and a message.
    pub waiting: Option<(String, String)>,
}

impl PodFacts {
    /// Takes what is held of a pod, and the relay that its label names. Nothing when it has no such label, or is not of the operator's making:
    /// anybody may give a pod the other label.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<(Key, Self)> {
        let metadata = &pod.metadata;
        let labels = metadata.labels.as_ref().filter(|labels| is_managed(labels))?;
        let relay = Key::of(metadata).sibling(labels.get(labels::RELAY)?);
        let status = pod.status.clone().unwrap_or_default();
        let has_ended = status.phase.as_deref().is_some_and(|phase| phase == "Succeeded" || phase == "Failed");
        let waiting = status.container_statuses.iter().flatten().find_map(|container| container.state.as_ref()?.waiting.clone());
        let waiting = waiting.map(|waiting| (waiting.reason.unwrap_or_default(), waiting.message.unwrap_or_default()));
        let unscheduled = status.conditions.iter().flatten().find(|held| held.type_ == "PodScheduled" && held.status == "False");
        let unscheduled = unscheduled.map(|held| (held.reason.clone().unwrap_or_default(), held.message.clone().unwrap_or_default()));
        let facts = Self {
            name: metadata.name.clone()?,
            uid: metadata.uid.clone()?,
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            ip: status.pod_ip,
            ready: status.conditions.iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True"),
            terminating: metadata.deletion_timestamp.is_some() || has_ended,
            config_hash: metadata.annotations.as_ref().and_then(|annotations| annotations.get(CONFIG_HASH)).cloned(),
            waiting: waiting.or(unscheduled),
        };
        Some((relay, facts))
    }
}
