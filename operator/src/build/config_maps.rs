//! The configuration as ConfigMaps, and the operator's CA for others to trust.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use postern_config::{folder::ROOT_FILE, material::trust_file};

use super::{
    BuildError,
    entries::{Entries, Holder, Sort, bytes, config_map},
    names::Names,
};
use crate::{
    inventory::OBJECT_DATA_BYTES,
    validate::{ServerCertificate, Validated},
};

/// Recipient lists, and the CAs that next hops are verified with: these are no secret, even where they come from one.
pub(super) const FILES: Sort = Sort { stem: "files", mend: "use fewer or shorter recipient lists and CA bundles on this relay" };

/// The root is the last, since pods use a set only when all that it lists is there.
pub(super) fn build(names: &Names, validated: &Validated<'_>) -> Result<Vec<Holder<ConfigMap>>, BuildError> {
    // The contract's files are JSON, which is text.
    let text = |content: Vec<u8>| Some(String::from_utf8_lossy(&content).into_owned());
    let mut files: BTreeMap<_, _> = validated.configuration.files().into_iter().map(|(name, content)| (name, text(content))).collect();
    let root = files.remove_entry(ROOT_FILE).map(|file| config_map(names, &root_name(names), [file].into()));
    let mut objects = BTreeMap::new();
    let mut groups = BTreeMap::new();
    for (file, content) in files {
        match shard_name(names, &file) {
            Some(name) => _ = objects.insert(name, Entries::from([(file, content)])),
            None => _ = groups.insert(file.clone(), Entries::from([(file, content)])),
        }
    }
    for (name, bundle) in &validated.trust {
        let content = bundle.open().map(|bundle| bundle.as_str().to_owned());
        groups.insert(trust_file(name), Entries::from([(trust_file(name), content)]));
    }
    for (name, entries) in &objects {
        check_size(name, entries)?;
    }
    objects.extend(FILES.spread(names, groups)?);
    let objects = objects.into_iter().map(|(name, entries)| config_map(names, &name, entries));
    Ok(published_authority(names, &validated.certificate).into_iter().chain(objects).chain(root).collect())
}

/// The ConfigMap of the root.
pub(super) fn root_name(names: &Names) -> String {
    names.child("config")
}

/// The ConfigMap of a file of domains; `None` for other files.
pub(super) fn shard_name(names: &Names, file: &str) -> Option<String> {
    file.strip_suffix(".json").filter(|stem| stem.starts_with("domains-")).map(|stem| names.child(stem))
}

fn check_size(name: &str, entries: &Entries) -> Result<(), BuildError> {
    let bytes = bytes(entries);
    if bytes > OBJECT_DATA_BYTES { Err(BuildError::TooLarge { name: name.to_owned(), bytes }) } else { Ok(()) }
}

fn published_authority(names: &Names, certificate: &ServerCertificate) -> Option<Holder<ConfigMap>> {
    let ServerCertificate::Issued(issued) = certificate else { return None };
    let bundle = issued.open().map(|issued| issued.authority.as_str().to_owned());
    Some(config_map(names, &names.child("ca"), [("ca.crt".to_owned(), bundle)].into()))
}
