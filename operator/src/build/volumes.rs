//! The relay's folder, its scratch space, and its queue where that lies in a volume.

use k8s_openapi::{
    api::core::v1::{
        ConfigMapProjection, EmptyDirVolumeSource, ProjectedVolumeSource, SecretProjection, Volume, VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::api::resource::Quantity,
};
use postern_config::folder::SHARDS;

use super::{config_maps, entries::Sort, names::Names, secrets, slots::SLOTS};
use crate::{quantity::canonical, validate::Validated};

/// Where the relay reads its folder.
pub(super) const CONFIG_PATH: &str = "/etc/postern";
/// Where the relay holds messages that are too large for memory.
pub(super) const SCRATCH_PATH: &str = "/var/spool/postern/scratch";

/// Where the relay's queue is.
pub(super) const QUEUE_PATH: &str = "/var/spool/postern/queue";
/// The volume of the queue.
pub(crate) const QUEUE: &str = "queue";

pub(super) fn mounts(validated: &Validated<'_>) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only,
        ..VolumeMount::default()
    };
    let queue = validated.keeps_own_queue().then(|| mount(QUEUE, QUEUE_PATH, None));
    [mount("config", CONFIG_PATH, Some(true)), mount("scratch", SCRATCH_PATH, None)].into_iter().chain(queue).collect()
}

pub(super) fn volumes(names: &Names, validated: &Validated<'_>) -> Vec<Volume> {
    // Group-readable, for the pod's fsGroup; never for others.
    let projected = ProjectedVolumeSource { default_mode: Some(0o440), sources: Some(sources(names)) };
    let config = Volume { name: "config".to_owned(), projected: Some(projected), ..Volume::default() };
    // A queue that outlives its pod has a volume of a claim of its own.
    let on_node = validated.relay.spec.spool.as_ref().and_then(|spool| spool.empty_dir.as_ref());
    let queue = on_node.map(|empty_dir| on_the_node(QUEUE, &empty_dir.size_limit));
    [config, on_the_node("scratch", &validated.resources.scratch)].into_iter().chain(queue).collect()
}

/// Room on the node that ends with the pod.
fn on_the_node(name: &str, size: &Quantity) -> Volume {
    let room = EmptyDirVolumeSource { size_limit: Some(canonical(size)), ..EmptyDirVolumeSource::default() };
    Volume { name: name.to_owned(), empty_dir: Some(room), ..Volume::default() }
}

/// A fixed set, whatever is in use: what a domain brings or takes along never changes the pods. The entries have the names of the files.
fn sources(names: &Names) -> Vec<VolumeProjection> {
    let slots = |sort: Sort| (0..SLOTS).map(move |slot| sort.name(names, slot));
    let shards = (0..SHARDS).filter_map(|shard| config_maps::shard_name(names, &format!("domains-{shard:02}.json")));
    let config_maps = shards.chain(slots(config_maps::FILES)).map(|name| config_map(name, true));
    let secrets = [secrets::server_name(names), secrets::identity_name(names)].into_iter().chain(slots(secrets::KEYS)).map(secret);
    // Without the root there is nothing to run: a pod waits for it.
    config_maps.chain(secrets).chain([config_map(config_maps::root_name(names), false)]).collect()
}

fn config_map(name: String, optional: bool) -> VolumeProjection {
    let projection = ConfigMapProjection { name, items: None, optional: Some(optional) };
    VolumeProjection { config_map: Some(projection), ..VolumeProjection::default() }
}

fn secret(name: String) -> VolumeProjection {
    let projection = SecretProjection { name, items: None, optional: Some(true) };
    VolumeProjection { secret: Some(projection), ..VolumeProjection::default() }
}
