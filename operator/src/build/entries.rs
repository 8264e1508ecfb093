//! What ConfigMaps and Secrets hold.

use std::collections::BTreeMap;

use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Secret},
};

use super::{BuildError, names::Names, slots};

/// Entries by name. One that was not read has no content here.
pub(super) type Entries = BTreeMap<String, Option<String>>;

/// An object, and the names of its entries that were not read.
pub(super) struct Holder<T> {
    pub(super) object: T,
    pub(super) withheld: Vec<String>,
}

pub(super) fn config_map(names: &Names, name: &str, entries: Entries) -> Holder<ConfigMap> {
    let (data, withheld) = split(entries);
    Holder { object: ConfigMap { metadata: names.metadata(name), data, ..ConfigMap::default() }, withheld }
}

pub(super) fn secret(names: &Names, name: &str, entries: Entries) -> Holder<Secret> {
    let (data, withheld) = split(entries);
    let data = data.map(|data| data.into_iter().map(|(entry, text)| (entry, ByteString(text.into_bytes()))).collect());
    Holder { object: Secret { metadata: names.metadata(name), type_: Some("Opaque".to_owned()), data, ..Secret::default() }, withheld }
}

/// An empty map is none: the API does not keep it.
fn split(entries: Entries) -> (Option<BTreeMap<String, String>>, Vec<String>) {
    let mut withheld = Vec::new();
    let mut data = BTreeMap::new();
    for (name, content) in entries {
        match content {
            Some(content) => _ = data.insert(name, content),
            None => withheld.push(name),
        }
    }
    (Some(data).filter(|data| !data.is_empty()), withheld)
}

/// What an object holds at most counts names and contents.
pub(super) fn bytes(entries: &Entries) -> usize {
    entries.iter().map(|(name, content)| name.len() + content.as_ref().map_or(0, String::len)).sum()
}

/// Some objects of which each pod names all.
pub(super) struct Sort {
    /// How they are called, after the relay's name and before their numbers.
    pub(super) stem: &'static str,
    /// What may be done when they are full.
    pub(super) mend: &'static str,
}

impl Sort {
    pub(super) fn name(&self, names: &Names, slot: slots::Slot) -> String {
        names.child(&format!("{}-{slot:02}", self.stem))
    }

    /// The entries of each object in use. What belongs together, by a name, stays together.
    pub(super) fn spread(&self, names: &Names, groups: BTreeMap<String, Entries>) -> Result<BTreeMap<String, Entries>, BuildError> {
        let sizes = groups.iter().map(|(name, entries)| (name.clone(), bytes(entries))).collect();
        let slots = slots::assign(&sizes).map_err(|name| BuildError::Full {
            objects: names.child(self.stem),
            what: name.to_owned(),
            mend: self.mend,
        })?;
        let mut objects = BTreeMap::<String, Entries>::new();
        for (name, entries) in groups {
            objects.entry(self.name(names, slots[name.as_str()])).or_default().extend(entries);
        }
        Ok(objects)
    }
}
