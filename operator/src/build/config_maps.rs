//! The configuration as ConfigMaps, one for each file of the contract, and the operator's CA for others to trust.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use postern_config::folder::ROOT_FILE;

use super::{BuildError, names::Names};
use crate::{
    inventory::OBJECT_DATA_BYTES,
    validate::{ServerCertificate, Validated},
};

/// The root is the last, since pods use a set only when all that it lists is there.
pub(super) fn build(names: &Names, validated: &Validated<'_>) -> Result<Vec<ConfigMap>, BuildError> {
    let mut files = validated.configuration.files();
    let root = files.remove_entry(ROOT_FILE);
    let files = files.into_iter().chain(root).map(|(file, content)| file_map(names, file, &content));
    published_authority(names, &validated.certificate).map(Ok).into_iter().chain(files).collect()
}

/// The name of the ConfigMap that holds `file`.
pub(super) fn name_of(names: &Names, file: &str) -> String {
    let stem = file.strip_suffix(".json").unwrap_or(file);
    names.child(if file == ROOT_FILE { "config" } else { stem })
}

fn file_map(names: &Names, file: String, content: &[u8]) -> Result<ConfigMap, BuildError> {
    let name = name_of(names, &file);
    let bytes = file.len() + content.len();
    if bytes > OBJECT_DATA_BYTES {
        let what = if file.starts_with("recipients") { "recipients in a list" } else { "domains" };
        return Err(BuildError::TooLarge { name, bytes, what });
    }
    // The contract's files are JSON, which is text.
    let text = String::from_utf8_lossy(content).into_owned();
    Ok(config_map(names, &name, BTreeMap::from([(file, text)])))
}

fn published_authority(names: &Names, certificate: &ServerCertificate) -> Option<ConfigMap> {
    let ServerCertificate::Issued(issued) = certificate else { return None };
    let data = issued.open().map(|issued| ("ca.crt".to_owned(), issued.authority.as_str().to_owned()));
    Some(config_map(names, &names.child("ca"), data.into_iter().collect()))
}

fn config_map(names: &Names, name: &str, data: BTreeMap<String, String>) -> ConfigMap {
    ConfigMap { metadata: names.metadata(name), data: Some(data), ..ConfigMap::default() }
}
