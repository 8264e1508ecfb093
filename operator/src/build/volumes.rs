//! The relay's folder, and its scratch space.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, EmptyDirVolumeSource, KeyToPath, ProjectedVolumeSource, SecretProjection, Volume, VolumeMount, VolumeProjection,
};
use postern_config::{
    folder::{ROOT_FILE, SHARDS},
    material::{certificate_file, key_file, trust_file},
};

use super::{config_maps, names::Names, secrets};
use crate::validate::{SERVER_CERTIFICATE, Validated};

/// Where the relay reads its folder.
pub(super) const CONFIG_PATH: &str = "/etc/postern";
/// Where the relay holds messages that are too large for memory.
pub(super) const SCRATCH_PATH: &str = "/var/spool/postern/scratch";

pub(super) fn mounts() -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only,
        ..VolumeMount::default()
    };
    vec![mount("config", CONFIG_PATH, Some(true)), mount("scratch", SCRATCH_PATH, None)]
}

pub(super) fn volumes(names: &Names, validated: &Validated<'_>) -> Vec<Volume> {
    // Group-readable, for the pod's fsGroup; never for others.
    let projected = ProjectedVolumeSource { default_mode: Some(0o440), sources: Some(sources(names, validated)) };
    let scratch = EmptyDirVolumeSource { size_limit: Some(validated.resources.scratch.clone()), ..EmptyDirVolumeSource::default() };
    vec![
        Volume { name: "config".to_owned(), projected: Some(projected), ..Volume::default() },
        Volume { name: "scratch".to_owned(), empty_dir: Some(scratch), ..Volume::default() },
    ]
}

/// Every shard is named, whether there is one or not: a domain more or less never changes the pods.
fn sources(names: &Names, validated: &Validated<'_>) -> Vec<VolumeProjection> {
    let shards = (0..SHARDS).map(|shard| format!("domains-{shard:02}.json"));
    let lists = validated.configuration.recipients.keys().cloned();
    let files = shards.chain(lists).chain([ROOT_FILE.to_owned()]).map(|file| config_file(names, &file));
    let pairs = [(SERVER_CERTIFICATE.to_owned(), secrets::server_name(names))]
        .into_iter()
        .chain(validated.client_certificates.keys().map(|folder| (folder.clone(), secrets::client_name(names, folder))));
    let trust = validated.trust.keys().map(|name| (format!("{name}.pem"), trust_file(name)));
    let others = [secret(secrets::trust_name(names), trust.collect()), secret(secrets::identity_name(names), Vec::new())];
    files.chain(pairs.map(|(folder, secret)| pair(&folder, secret))).chain(others).collect()
}

fn config_file(names: &Names, file: &str) -> VolumeProjection {
    VolumeProjection {
        config_map: Some(ConfigMapProjection {
            name: config_maps::name_of(names, file),
            items: Some(items([(file.to_owned(), file.to_owned())])),
            optional: Some(file != ROOT_FILE),
        }),
        ..VolumeProjection::default()
    }
}

fn pair(certificate: &str, name: String) -> VolumeProjection {
    secret(
        name,
        [("tls.crt", certificate_file(certificate)), ("tls.key", key_file(certificate))].map(|(key, path)| (key.to_owned(), path)).into(),
    )
}

fn secret(name: String, paths: Vec<(String, String)>) -> VolumeProjection {
    let projection = SecretProjection { name, items: Some(items(paths)).filter(|items| !items.is_empty()), optional: Some(true) };
    VolumeProjection { secret: Some(projection), ..VolumeProjection::default() }
}

fn items(paths: impl IntoIterator<Item = (String, String)>) -> Vec<KeyToPath> {
    paths.into_iter().map(|(key, path)| KeyToPath { key, path, mode: None }).collect()
}
