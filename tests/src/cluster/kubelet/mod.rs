//! What a node does with a relay's pods, as far as these tests need it: takes every pod that is bound to no node, gives it an address of
//! loopback, mounts what it mounts, runs the real relay with the pod's own arguments, probes it, and ends it when the pod is deleted.
//!
//! Not here: images (the relay that was built runs, whatever the image), resources, security contexts, liveness, and all volumes but projected and
//! empty ones. A projected volume is refreshed when the pod's annotations change, as by a kubelet, and otherwise not before [`REFRESH`]. What it
//! has not heard of yet ([`Late`]) it can't bring.

mod pod;
mod volume;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};
use tokio::{sync::watch, task::JoinHandle, time};

use super::Cluster;
use pod::Running;

/// The node's name.
const NODE: &str = "hand";
/// The node's address. No test's client has it.
const NODE_ADDRESS: &str = "127.255.255.1";
/// How long a changed ConfigMap or Secret may take to reach a pod that nobody touches.
const REFRESH: Duration = Duration::from_secs(75);
/// Time between two looks at the pods.
const PAUSE: Duration = Duration::from_millis(200);

/// What the node has not heard of yet, and so does not bring to pods that run: a kubelet hears of each object by itself, and of an annotation
/// perhaps before all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It has heard of everything.
    Nothing,
    /// No change of any file of a volume.
    Everything,
    /// No change of a file whose name begins so.
    Files(&'static str),
}

/// A node that runs the pods of relays in some namespaces. Dropping it kills every pod's process.
pub struct Kubelet {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    client: Client,
    folder: PathBuf,
    /// Only their pods are run.
    namespaces: BTreeSet<String>,
    running: Mutex<BTreeMap<String, String>>,
    stopped: watch::Sender<bool>,
    late: watch::Sender<Late>,
}

impl Kubelet {
    /// Runs the pods of `namespaces` from now on.
    pub fn start(cluster: &Cluster, namespaces: &[&str]) -> Result<Self> {
        let namespaces: BTreeSet<String> = namespaces.iter().map(ToString::to_string).collect();
        let folder = cluster.scratch(&format!("pods-{}", namespaces.iter().cloned().collect::<Vec<_>>().join("-")))?;
        let (stopped, late) = (watch::Sender::new(false), watch::Sender::new(Late::Nothing));
        let shared = Arc::new(Shared { client: cluster.client()?, folder, namespaces, running: Mutex::default(), stopped, late });
        let task = tokio::spawn(run(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// The addresses of the pods that run, by `NAMESPACE/NAME`.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, String> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The node stops looking at the API server, or looks again; its pods run on.
    pub fn stop_looking(&self, stopped: bool) {
        self.shared.stopped.send_replace(stopped);
    }

    /// What the node does not hear of from now on.
    pub fn is_late_with(&self, late: Late) {
        self.shared.late.send_replace(late);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(shared: Arc<Shared>) {
    let mut running = BTreeMap::<String, Running>::new();
    let mut looks = time::interval(PAUSE);
    loop {
        looks.tick().await;
        if *shared.stopped.borrow() {
            continue;
        }
        // An API server that is away is no reason to end a pod.
        let Ok(pods) = relay_pods(&shared).await else { continue };
        for pod in &pods {
            let uid = pod.uid().unwrap_or_default();
            if let Err(error) = attend(&shared, pod, running.entry(uid.clone()).or_default()).await {
                println!("kubelet| {}: {error:#}", pod.name_any());
            }
        }
        let known: BTreeSet<String> = pods.iter().filter_map(ResourceExt::uid).collect();
        running.retain(|uid, _| known.contains(uid));
        let addresses = pods.iter().filter_map(|pod| {
            let address = running.get(&pod.uid()?)?.address()?;
            Some((format!("{}/{}", pod.namespace()?, pod.name_any()), address.to_string()))
        });
        *shared.running.lock().unwrap_or_else(PoisonError::into_inner) = addresses.collect();
    }
}

async fn relay_pods(shared: &Shared) -> Result<Vec<Pod>> {
    let mut pods = Vec::new();
    for namespace in &shared.namespaces {
        let of_relays = ListParams::default().labels("postern.dev/relay");
        pods.extend(Api::<Pod>::namespaced(shared.client.clone(), namespace).list(&of_relays).await?.items);
    }
    Ok(pods)
}

async fn attend(shared: &Shared, pod: &Pod, running: &mut Running) -> Result<()> {
    if pod.metadata.deletion_timestamp.is_some() {
        return running.end(&shared.client, pod).await;
    }
    running.bind(&shared.client, pod).await?;
    running.mount(&shared.client, pod, &shared.folder, || *shared.late.borrow()).await?;
    running.start(pod)?;
    running.report(&shared.client, pod).await
}
