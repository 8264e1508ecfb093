//! Relays and domains, and those of them that can't be read.

use std::{collections::BTreeMap, sync::Arc};

use kube::core::{DynamicObject, ObjectMeta, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    cluster::{child::strip, version::supersedes},
    inventory::Key,
};

/// A resource that does not have the form of its kind: written by another version of the schema, or past it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// Its metadata, by which its status can be written all the same.
    pub metadata: ObjectMeta,
    /// Its status, whatever that is; null when it has none.
    pub status: Value,
    /// What is wrong with it.
    pub error: String,
}

/// Every resource of a kind.
#[derive(Debug)]
pub(super) struct Resources<T>(BTreeMap<Key, Held<T>>);

/// A resource as it was seen last.
#[derive(Debug)]
pub(super) enum Held<T> {
    Readable(Arc<T>),
    Unreadable(Box<Unreadable>),
}

/// What came of a change.
#[derive(Debug)]
pub(super) struct Put<T> {
    pub(super) key: Key,
    /// The resource as it was.
    pub(super) before: Option<Held<T>>,
    /// More than its status and the server's own notes changed.
    pub(super) is_change: bool,
}

impl<T> Default for Resources<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Resource> Held<T> {
    pub(super) fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Readable(resource) => resource.meta(),
            Self::Unreadable(unreadable) => &unreadable.metadata,
        }
    }

    pub(super) fn readable(&self) -> Option<&Arc<T>> {
        match self {
            Self::Readable(resource) => Some(resource),
            Self::Unreadable(_) => None,
        }
    }
}

impl<T: Resource + DeserializeOwned> Resources<T> {
    /// Takes a resource; nothing when it is known, or older than what is known.
    pub(super) fn put(&mut self, mut object: DynamicObject) -> Option<Put<T>> {
        let key = Key::of(&object.metadata);
        if !self.is_news(&key, &object.metadata) {
            return None;
        }
        strip(&mut object.metadata);
        let metadata = object.metadata.clone();
        let held = match serde_json::to_value(&object).and_then(serde_json::from_value) {
            Ok(resource) => Held::Readable(Arc::new(resource)),
            Err(error) => {
                let status = object.data.get_mut("status").map(Value::take).unwrap_or_default();
                Held::Unreadable(Box::new(Unreadable { metadata: metadata.clone(), status, error: error.to_string() }))
            }
        };
        let before = self.0.insert(key.clone(), held);
        let is_same = |before: &Held<T>| before.readable().is_some() && is_same(before.metadata(), &metadata);
        let is_change = !before.as_ref().is_some_and(is_same);
        Some(Put { key, before, is_change })
    }

    /// Takes that a resource is gone; nothing when a newer one of its name is known.
    pub(super) fn remove(&mut self, key: &Key, version: Option<&str>) -> Option<Held<T>> {
        let held = self.0.get(key)?;
        let is_later = match (version, held.metadata().resource_version.as_deref()) {
            (Some(version), Some(held)) => version == held || supersedes(version, held),
            _ => true,
        };
        if is_later { self.0.remove(key) } else { None }
    }

    fn is_news(&self, key: &Key, metadata: &ObjectMeta) -> bool {
        match (self.0.get(key).and_then(|held| held.metadata().resource_version.as_deref()), metadata.resource_version.as_deref()) {
            (Some(held), Some(new)) => supersedes(new, held),
            _ => true,
        }
    }
}

impl<T: Resource> Resources<T> {
    pub(super) fn get(&self, key: &Key) -> Option<&Arc<T>> {
        self.0.get(key)?.readable()
    }

    /// Whether the resource with this UID is known.
    pub(super) fn holds(&self, key: &Key, uid: Option<&str>) -> bool {
        self.0.get(key).is_some_and(|held| held.metadata().uid.as_deref() == uid)
    }

    pub(super) fn unreadable(&self, key: &Key) -> Option<Unreadable> {
        match self.0.get(key)? {
            Held::Readable(_) => None,
            Held::Unreadable(unreadable) => Some(Unreadable::clone(unreadable)),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Held<T>)> {
        self.0.iter()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Those of a namespace.
    pub(super) fn of_namespace<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a Key, &'a Arc<T>)> {
        let first = Key::new(namespace, "");
        self.0.range(first..).take_while(move |(key, _)| key.namespace == namespace).filter_map(|(key, held)| Some((key, held.readable()?)))
    }
}

/// The same but for the status and what the server notes of every write.
fn is_same(before: &ObjectMeta, now: &ObjectMeta) -> bool {
    before.uid == now.uid
        && before.generation == now.generation
        && before.deletion_timestamp == now.deletion_timestamp
        && before.labels == now.labels
        && before.annotations == now.annotations
        && before.finalizers == now.finalizers
}
