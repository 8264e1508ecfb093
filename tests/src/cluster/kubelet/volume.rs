//! A projected volume on disk, swapped as a whole by the link `..data`.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, KeyToPath, ProjectedVolumeSource, Secret, VolumeProjection};
use kube::{Api, Client};

use super::Late;

/// Numbers the generations of volumes.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// The files of a projected volume, by path.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Reads what the volume is made of. Fails, as a kubelet would wait, when something is missing that is not optional.
pub(super) async fn collect(client: &Client, namespace: &str, volume: &ProjectedVolumeSource) -> Result<Files> {
    let mut files = Files::new();
    for source in volume.sources.iter().flatten() {
        files.extend(project(client, namespace, source).await?);
    }
    Ok(files)
}

/// What comes of `fresh` in place of `old` while something is late.
pub(super) fn without(late: Late, mut fresh: Files, old: &Files) -> Files {
    let is_late = |path: &String| match late {
        Late::Nothing => false,
        Late::Everything => true,
        Late::Files(prefix) => path.starts_with(prefix),
    };
    fresh.retain(|path, _| !is_late(path));
    fresh.extend(old.iter().filter(|(path, _)| is_late(path)).map(|(path, bytes)| (path.clone(), bytes.clone())));
    fresh
}

async fn project(client: &Client, namespace: &str, source: &VolumeProjection) -> Result<Files> {
    let (name, optional, items, data) = match (&source.config_map, &source.secret) {
        (Some(wanted), None) => {
            let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(&wanted.name).await?;
            let data = found.map(|map| {
                let texts = map.data.into_iter().flatten().map(|(key, text)| (key, text.into_bytes()));
                texts.chain(map.binary_data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0))).collect::<Files>()
            });
            (&wanted.name, wanted.optional, &wanted.items, data)
        }
        (None, Some(wanted)) => {
            let found = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(&wanted.name).await?;
            let data = found.map(|secret| secret.data.into_iter().flatten().map(|(key, bytes)| (key, bytes.0)).collect::<Files>());
            (&wanted.name, wanted.optional, &wanted.items, data)
        }
        _ => bail!("a source of a projected volume that is neither a ConfigMap nor a Secret: {source:?}"),
    };
    let optional = optional.unwrap_or(false);
    let data = match data {
        Some(data) => data,
        None if optional => return Ok(Files::new()),
        None => bail!("{name} is not there"),
    };
    match items {
        None => Ok(data),
        Some(items) => choose(name, items, &data, optional),
    }
}

fn choose(name: &str, items: &[KeyToPath], data: &Files, optional: bool) -> Result<Files> {
    let mut chosen = Files::new();
    for item in items {
        match data.get(&item.key) {
            Some(bytes) => drop(chosen.insert(item.path.clone(), bytes.clone())),
            None if optional => {}
            None => bail!("{name} has no key {}", item.key),
        }
    }
    Ok(chosen)
}

/// Puts `files` into `folder`, in one step for whoever reads through `..data`.
pub(super) fn write(folder: &Path, files: &Files) -> Result<()> {
    let generation = format!("..{}", GENERATION.fetch_add(1, Ordering::Relaxed));
    let fresh = folder.join(&generation);
    for (path, bytes) in files {
        let file = fresh.join(path);
        fs::create_dir_all(file.parent().context("a path without a folder")?)?;
        fs::write(&file, bytes)?;
    }
    fs::create_dir_all(&fresh)?;
    let old = fs::read_link(folder.join("..data")).ok();
    let link = folder.join("..data_tmp");
    symlink(&generation, &link)?;
    fs::rename(&link, folder.join("..data"))?;
    link_names(folder, files)?;
    if let Some(old) = old {
        fs::remove_dir_all(folder.join(old))?;
    }
    Ok(())
}

/// A link for the first name of each path; links to what is gone are removed.
fn link_names(folder: &Path, files: &Files) -> Result<()> {
    let names: std::collections::BTreeSet<&str> = files.keys().filter_map(|path| path.split('/').next()).collect();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if !name.starts_with("..") && !names.contains(name.as_str()) {
            fs::remove_file(folder.join(&name))?;
        }
    }
    for name in names {
        if folder.join(name).symlink_metadata().is_err() {
            symlink(Path::new("..data").join(name), folder.join(name))?;
        }
    }
    Ok(())
}
