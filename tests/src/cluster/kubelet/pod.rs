//! One pod: its address, its folder, its process.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{Late, NODE, NODE_ADDRESS, REFRESH, volume};
use crate::{
    binaries, http, port,
    process::{Output, Process},
};

/// The port of the pod's probes.
const ADMIN_PORT: u16 = 9464;
/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(3);

/// Numbers the pods of this program.
static PODS: AtomicU32 = AtomicU32::new(0);

/// What runs of a pod.
#[derive(Default)]
pub(super) struct Running {
    bound: bool,
    place: Option<Place>,
    process: Option<Process>,
    reported: Option<Value>,
    ending: Option<Instant>,
}

/// Where a pod runs.
struct Place {
    address: Ipv4Addr,
    folder: PathBuf,
    files: volume::Files,
    annotations: BTreeMap<String, String>,
    refreshed: Instant,
}

impl Running {
    /// The pod's address, once its process was started.
    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        self.process.as_ref().and(self.place.as_ref()).map(|place| place.address)
    }

    /// Takes the pod, as a scheduler would give it to the node.
    pub(super) async fn bind(&mut self, client: &Client, pod: &Pod) -> Result<()> {
        if self.bound {
            return Ok(());
        }
        let unbound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_none());
        if unbound {
            let target = json!({ "apiVersion": "v1", "kind": "Node", "name": NODE });
            let binding = json!({ "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod.name_any() }, "target": target });
            let _: Value = pods(client, pod).create_subresource("binding", &pod.name_any(), &PostParams::default(), &binding).await?;
        }
        self.bound = true;
        Ok(())
    }

    /// Brings the volume of the configuration to disk, for the first time or anew, but for what is `late` when all of it is fetched: fetching
    /// takes a while, and what changes in that while must not slip through.
    pub(super) async fn mount(&mut self, client: &Client, pod: &Pod, folder: &Path, late: impl Fn() -> Late) -> Result<()> {
        let namespace = pod.namespace().unwrap_or_default();
        let mut volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let projected = volumes.find_map(|volume| volume.projected.as_ref()).context("a pod without a projected volume")?;
        let annotations = pod.annotations().clone();
        match &mut self.place {
            None => {
                let files = volume::collect(client, &namespace, projected).await?;
                let folder = folder.join(pod.uid().unwrap_or_default());
                std::fs::create_dir_all(folder.join("volume"))?;
                std::fs::create_dir_all(folder.join("scratch"))?;
                volume::write(&folder.join("volume"), &files)?;
                let place = Place { address: next_address()?, folder, files, annotations, refreshed: Instant::now() };
                self.place = Some(place);
            }
            Some(place) if place.annotations != annotations || place.refreshed.elapsed() > REFRESH => {
                let files = volume::collect(client, &namespace, projected).await?;
                let files = volume::without(late(), files, &place.files);
                if files != place.files {
                    volume::write(&place.folder.join("volume"), &files)?;
                }
                (place.files, place.annotations, place.refreshed) = (files, annotations, Instant::now());
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Starts the relay with the arguments of its container, unless it runs.
    pub(super) fn start(&mut self, pod: &Pod) -> Result<()> {
        let (None, Some(place)) = (&self.process, &self.place) else { return Ok(()) };
        let container = container(pod)?;
        let mut command = Command::new(binaries::find("postern-relay")?);
        command.args(container.args.iter().flatten().map(|argument| here(argument, container, place)));
        self.process = Some(Process::spawn(&mut command, Output::Printed)?);
        Ok(())
    }

    /// Tells the API server how the pod is, when that has changed.
    pub(super) async fn report(&mut self, client: &Client, pod: &Pod) -> Result<()> {
        let Some(place) = &self.place else { return Ok(()) };
        let address = place.address.to_string();
        let admin = SocketAddr::new(IpAddr::V4(place.address), ADMIN_PORT);
        let answer = tokio::time::timeout(PROBE, http::get(admin, "/readyz")).await;
        let is_ready = matches!(answer, Ok(Ok(response)) if response.status == 200);
        let status = if is_ready { "True" } else { "False" };
        let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(|name| {
            let status = if matches!(name, "ContainersReady" | "Ready") { status } else { "True" };
            json!({ "type": name, "status": status })
        });
        let image = container(pod)?.image.clone();
        let container = json!({
            "name": "relay", "ready": is_ready, "started": true, "restartCount": 0, "image": image, "imageID": image,
            "state": { "running": { "startedAt": pod.metadata.creation_timestamp } },
        });
        let report = json!({ "status": {
            "phase": "Running", "hostIP": NODE_ADDRESS, "hostIPs": [{ "ip": NODE_ADDRESS }], "podIP": address, "podIPs": [{ "ip": address }],
            "startTime": pod.metadata.creation_timestamp, "conditions": conditions, "containerStatuses": [container],
        }});
        if self.reported.as_ref() != Some(&report) {
            pods(client, pod).patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Strategic(&report)).await?;
            self.reported = Some(report);
        }
        Ok(())
    }

    /// Ends the process of a pod that is being deleted, in its grace; then the pod is gone.
    pub(super) async fn end(&mut self, client: &Client, pod: &Pod) -> Result<()> {
        let grace = Duration::from_secs(pod.metadata.deletion_grace_period_seconds.unwrap_or(30).try_into().unwrap_or(0));
        if let Some(process) = &mut self.process {
            match self.ending {
                None => {
                    process.terminate()?;
                    self.ending = Some(Instant::now());
                    return Ok(());
                }
                Some(since) if process.is_running() && since.elapsed() < grace => return Ok(()),
                Some(_) => self.process = None,
            }
        }
        pods(client, pod).delete(&pod.name_any(), &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }
}

fn pods(client: &Client, pod: &Pod) -> Api<Pod> {
    Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default())
}

fn container(pod: &Pod) -> Result<&Container> {
    pod.spec.as_ref().and_then(|spec| spec.containers.first()).context("a pod without a container")
}

/// An argument with what it means on this machine: the pod's folders, its address, and what its variables hold.
fn here(argument: &str, container: &Container, place: &Place) -> String {
    let mut argument = argument.to_owned();
    for variable in container.env.iter().flatten() {
        let from_field = variable.value_from.as_ref().and_then(|source| source.field_ref.as_ref()).map(|field| field.field_path.as_str());
        let value = match from_field {
            Some("status.hostIP" | "status.hostIPs") => NODE_ADDRESS.to_owned(),
            Some("status.podIP" | "status.podIPs") => place.address.to_string(),
            _ => variable.value.clone().unwrap_or_default(),
        };
        argument = argument.replace(&format!("$({})", variable.name), &value);
    }
    for mount in container.volume_mounts.iter().flatten() {
        let folder = if mount.name == "config" { "volume" } else { "scratch" };
        argument = argument.replace(&mount.mount_path, &place.folder.join(folder).display().to_string());
    }
    argument.replace("[::]", &place.address.to_string()).replace("--bind=::", &format!("--bind={}", place.address))
}

/// An address of loopback on which nothing answers probes: no other pod on this machine has it.
fn next_address() -> Result<Ipv4Addr> {
    loop {
        // The kernel's choice is as good as a random number.
        let [high, low] = port::free()?.to_be_bytes();
        let pod = u8::try_from(PODS.fetch_add(1, Ordering::Relaxed) % 250)? + 1;
        let address = Ipv4Addr::new(127, high, low, pod);
        if TcpListener::bind((address, ADMIN_PORT)).is_ok() {
            return Ok(address);
        }
    }
}
