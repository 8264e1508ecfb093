//! Volumes that stay when their pods don't come back: nobody deletes them but their owner, who should know of them.

use std::{ops::Range, time::Duration};

use k8s_openapi::api::core::v1::{ObjectReference, PersistentVolumeClaim};
use kube::{Api, Client, Resource as _, api::ListParams};
use postern_crds::SmtpRelay;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    apply::Plan,
    build::{QUEUE, workload_of},
    cluster::Child,
    inventory::Key,
    kind::Kind,
    labels::RELAY,
    status::{Event, EventReason},
};

/// For the server's answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Reads which volumes there are.
pub struct Volumes(Client);

impl Volumes {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Tells that the volumes of the pods with these numbers stay without their pods, those of them that there are. What can't be read is not told:
    /// nothing depends on it.
    pub(super) async fn left_by(&self, relay: &Key, workload: &str, pods: Range<i64>) -> Option<Event> {
        let numbered = |name: &String| {
            let number = name.strip_prefix(&format!("{QUEUE}-{workload}-")).and_then(|number| number.parse().ok());
            number.is_some_and(|number: i64| pods.contains(&number))
        };
        let names: Vec<_> = self.claims(relay).await.into_iter().filter(numbered).collect();
        (!names.is_empty()).then(|| {
            let note = format!(
                "PersistentVolumeClaims {} stay, and mail that is in them waits there; scale the relay up again to have it delivered, or delete them",
                names.join(", ")
            );
            Event::new(EventReason::VolumeRetained, &note)
        })
    }

    async fn claims(&self, relay: &Key) -> Vec<String> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.0.clone(), &relay.namespace);
        let of_relay = ListParams::default().labels(&format!("{RELAY}={}", relay.name));
        match timeout(ANSWER, api.list_metadata(&of_relay)).await {
            Ok(Ok(claims)) => claims.items.into_iter().filter_map(|claim| claim.metadata.name).collect(),
            Ok(Err(error)) => {
                tracing::debug!(%relay, %error, "volumes can't be listed");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}

/// The pods that a plan does away with, where each has a volume: the name of their workload, and their numbers.
pub(super) fn taken_away(plan: &Plan<'_>) -> Option<(String, Range<i64>)> {
    let write = plan.writes.iter().find(|write| write.object.kind == Kind::StatefulSet)?;
    let wanted = replicas(&write.object.value)?;
    Some((write.object.key.name.clone(), wanted..replicas(&json(write.live?))?)).filter(|(_, pods)| !pods.is_empty())
}

/// All pods of a relay that is gone, where each may have a volume; and the relay, as its objects still know it. The cluster takes these away in
/// its own time: when none is left, nothing tells any more whether there were volumes.
pub(super) fn left_behind(relay: &Key, children: &[Child]) -> Option<(ObjectReference, String, Range<i64>)> {
    let workload = children.iter().find(|child| child.kind == Kind::StatefulSet);
    if workload.is_none() && !children.is_empty() {
        return None;
    }
    let regarding = ObjectReference {
        api_version: Some(SmtpRelay::api_version(&()).into_owned()),
        kind: Some(SmtpRelay::kind(&()).into_owned()),
        namespace: Some(relay.namespace.clone()),
        name: Some(relay.name.clone()),
        uid: workload.and_then(|workload| workload.owner_uid.clone()),
        ..ObjectReference::default()
    };
    // Those of pods of before too.
    Some((regarding, workload_of(relay), 0..i64::MAX))
}

fn json(child: &Child) -> Value {
    serde_json::from_slice(&child.json).unwrap_or_default()
}

fn replicas(workload: &Value) -> Option<i64> {
    workload["spec"]["replicas"].as_i64()
}
