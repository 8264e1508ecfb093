//! What most tests of the operator start from: a namespace with an operator of its own, and a node for the pods of its relays.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
};
use postern_crds::{AcceptedDomain, SmtpRelay};
use serde_json::{Value, json};

use super::{
    Cluster,
    audit::Entry,
    kstatus::{self, Status},
    kubelet::Kubelet,
    manifest,
    operator::Operator,
    release::Release,
};
use crate::poll;

/// An operator that follows one namespace. What it did ends with the stage; the namespace stays until the cluster ends.
pub struct Stage {
    /// The cluster.
    pub cluster: Arc<Cluster>,
    /// Who may do all.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
    /// The chart, in a namespace of its own, for this namespace alone.
    pub release: Release,
}

impl Stage {
    /// A namespace that begins with `prefix`, in the cluster that this program's tests share, and the chart installed for it; no operator runs
    /// yet. None when this layer is switched off.
    pub async fn set(prefix: &str) -> Result<Option<Self>> {
        match Cluster::shared().await? {
            Some(cluster) => Self::set_in(cluster, prefix).await.map(Some),
            None => Ok(None),
        }
    }

    /// The same in a cluster of one's own.
    pub async fn set_in(cluster: Arc<Cluster>, prefix: &str) -> Result<Self> {
        Self::set_with(cluster, prefix, json!({})).await
    }

    /// The same, with more values of the chart.
    pub async fn set_with(cluster: Arc<Cluster>, prefix: &str, mut values: Value) -> Result<Self> {
        let namespace = cluster.namespace(prefix).await?;
        values["watchNamespaces"] = json!([namespace]);
        Self::install(cluster, namespace, values).await
    }

    /// A namespace in a cluster of one's own, and the chart for all namespaces with more values; relays run in this one.
    pub async fn set_for_all(cluster: Arc<Cluster>, prefix: &str, mut values: Value) -> Result<Self> {
        let namespace = cluster.namespace(prefix).await?;
        values["secretNamespaces"] = json!([namespace]);
        Self::install(cluster, namespace, values).await
    }

    async fn install(cluster: Arc<Cluster>, namespace: String, values: Value) -> Result<Self> {
        cluster.run_controllers().await?;
        let release = Release::install(&cluster, &format!("{namespace}-operator"), &values).await?;
        let client = cluster.client()?;
        Ok(Self { cluster, client, namespace, release })
    }

    /// The same stage, looked at in another namespace, which is made, with labels.
    pub async fn beside(&self, prefix: &str, labels: Value) -> Result<Self> {
        let namespace = self.cluster.namespace(prefix).await?;
        let manifest = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace, "labels": labels } });
        manifest::apply(&self.client, &manifest).await?;
        Ok(Self { cluster: Arc::clone(&self.cluster), client: self.client.clone(), namespace, release: self.release.clone() })
    }

    /// Starts the operator, alone: it waits for no lease.
    pub async fn operator(&self) -> Result<Operator> {
        self.operator_at(self.cluster.url()).await
    }

    /// Starts the operator, alone, with `url` for the API server.
    pub async fn operator_at(&self, url: &str) -> Result<Operator> {
        Operator::start_at(&self.cluster, &self.release, url, &["--leader-elect=false"]).await
    }

    /// Runs the pods of the namespace from now on.
    pub fn kubelet(&self) -> Result<Kubelet> {
        Kubelet::start(&self.cluster, &[&self.namespace])
    }

    /// Applies manifests to the namespace.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        manifest::apply_yaml(&self.client, &self.namespace, yaml).await
    }

    /// What the operator asked the API server for so far, as the audit log has it.
    pub fn requests(&self) -> Result<Vec<Entry>> {
        let user = self.release.user();
        Ok(self.cluster.audit()?.into_iter().filter(|entry| entry.user.username == user).collect())
    }

    /// What the operator wrote so far, or tried to, but its lease.
    pub fn writes(&self) -> Result<Vec<Entry>> {
        let requests = self.requests()?.into_iter();
        Ok(requests.filter(|entry| entry.is_write() && !entry.is_about("leases")).collect())
    }

    /// The only pod of the namespace.
    pub async fn pod(&self) -> Result<Pod> {
        let pods = self.api::<Pod>().list(&ListParams::default()).await?.items;
        ensure!(pods.len() == 1, "{} pods", pods.len());
        pods.into_iter().next().context("no pod")
    }

    /// Objects of a kind in the namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Waits until a condition of a relay has `status` and `reason` (any, when it is empty) for its present generation; its message.
    pub async fn relay_is(&self, name: &str, condition: &str, status: &str, reason: &str) -> Result<String> {
        let mut seen = None;
        let found = poll::until("", async || {
            let relay = self.api::<SmtpRelay>().get_opt(name).await.ok()??;
            let conditions = relay.status.map(|status| status.conditions).unwrap_or_default();
            let found = holds(&conditions, relay.metadata.generation, condition, status, reason);
            seen = Some(conditions);
            found
        })
        .await;
        found.with_context(|| format!("{condition}={status} {reason} of the relay {name}; it has {seen:#?}"))
    }

    /// Waits until a condition of a domain (its own, not one at a relay) has `status` and `reason`; its message.
    pub async fn domain_is(&self, name: &str, condition: &str, status: &str, reason: &str) -> Result<String> {
        let mut seen = None;
        let found = poll::until("", async || {
            let domain = self.api::<AcceptedDomain>().get_opt(name).await.ok()??;
            let status_of = domain.status.unwrap_or_default();
            let at_relays = status_of.relays.iter().flat_map(|relay| &relay.conditions);
            let conditions: Vec<Condition> = status_of.conditions.iter().chain(at_relays).cloned().collect();
            let found = holds(&conditions, domain.metadata.generation, condition, status, reason);
            seen = Some(conditions);
            found
        })
        .await;
        found.with_context(|| format!("{condition}={status} {reason} of the domain {name}; it has {seen:#?}"))
    }

    /// Waits until tools that wait for resources say `status` of the object.
    pub async fn waiters_say(&self, kind: &str, name: &str, status: Status) -> Result<()> {
        let api = self.dynamic(kind)?;
        let mut seen = None;
        let found = poll::until("", async || {
            let object = serde_json::to_value(api.get_opt(name).await.ok()??).ok()?;
            let is = kstatus::of(&object) == status;
            seen = Some(object);
            is.then_some(())
        })
        .await;
        found.with_context(|| format!("{status:?} of the {kind} {name}, which is {seen:#?}"))
    }

    /// Objects of one of our kinds, whatever is in them.
    fn dynamic(&self, kind: &str) -> Result<Api<DynamicObject>> {
        let definition = postern_crds::definitions().iter().find(|definition| definition.kind == kind).context("a kind of ours")?;
        let gvk = kube::core::GroupVersionKind::gvk(postern_crds::GROUP, postern_crds::VERSION, kind);
        let resource = kube::core::ApiResource::from_gvk_with_plural(&gvk, &definition.plural);
        Ok(Api::namespaced_with(self.client.clone(), &self.namespace, &resource))
    }
}

/// The message of the condition, when it is as wanted and about this generation.
fn holds(conditions: &[Condition], generation: Option<i64>, name: &str, status: &str, reason: &str) -> Option<String> {
    let found = conditions.iter().find(|condition| condition.type_ == name && condition.observed_generation == generation)?;
    (found.status == status && (reason.is_empty() || found.reason == reason)).then(|| found.message.clone())
}
