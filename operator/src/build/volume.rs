//! The one volume with everything that a pod reads: the configuration, certificates with keys, CA certificates.
//!
//! It is one volume so that the kubelet swaps it as one. Shards are optional sources, whether they are there or not, so that a pod stays when
//! domains and recipient lists come and go.

use k8s_openapi::api::core::v1::{ConfigMapProjection, KeyToPath, ProjectedVolumeSource, SecretProjection, Volume, VolumeProjection};
use postern_config::folder::{TLS_FOLDER, TRUST_FOLDER};
use postern_crds::SmtpRelay;

use super::{
    config_maps::{ROOT, TRUST, shard_names, trust_key},
    metadata::child_name,
    secret::{TLS, chain_key, folders, private_key},
};
use crate::validate::Validated;

/// Name of the volume.
pub const CONFIG_VOLUME: &str = "config";
/// Read by all: the pod's user is the platform's to choose, and nobody else is in the pod.
const MODE: i32 = 0o444;

pub(super) fn build(relay: &Validated<'_>) -> Volume {
    let mut sources = vec![config_map(child_name(relay.relay, ROOT), None, false)];
    sources.extend(shards(relay.relay));
    sources.push(secret(relay));
    sources.extend(trust(relay));
    let projected = ProjectedVolumeSource { default_mode: Some(MODE), sources: Some(sources) };
    Volume { name: CONFIG_VOLUME.to_owned(), projected: Some(projected), ..Volume::default() }
}

fn shards(relay: &SmtpRelay) -> impl Iterator<Item = VolumeProjection> {
    shard_names(relay).map(|name| config_map(name, None, true))
}

fn secret(relay: &Validated<'_>) -> VolumeProjection {
    let files = folders(relay).flat_map(|folder| {
        let path = |file: &str| format!("{TLS_FOLDER}/{folder}/{file}");
        [item(chain_key(folder), path("tls.crt")), item(private_key(folder), path("tls.key"))]
    });
    let projection = SecretProjection { name: child_name(relay.relay, TLS), items: Some(files.collect()), optional: Some(false) };
    VolumeProjection { secret: Some(projection), ..VolumeProjection::default() }
}

fn trust(relay: &Validated<'_>) -> Option<VolumeProjection> {
    let files: Vec<_> = relay.trust.keys().map(|name| item(trust_key(name), format!("{TRUST_FOLDER}/{name}.pem"))).collect();
    (!files.is_empty()).then(|| config_map(child_name(relay.relay, TRUST), Some(files), false))
}

fn config_map(name: String, items: Option<Vec<KeyToPath>>, optional: bool) -> VolumeProjection {
    let projection = ConfigMapProjection { name, items, optional: Some(optional) };
    VolumeProjection { config_map: Some(projection), ..VolumeProjection::default() }
}

fn item(key: String, path: String) -> KeyToPath {
    KeyToPath { key, path, mode: None }
}
