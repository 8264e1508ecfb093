//! The resources that the pipeline works on, wherever they come from: a folder of manifests, or the caches of a cluster's API.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use postern_crds::{AcceptedDomain, SmtpRelay};

/// Where a namespaced object is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// `name` in `namespace`.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The key of an object. What has no namespace is in `default`, as with kubectl.
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::new(metadata.namespace.as_deref().unwrap_or("default"), metadata.name.as_deref().unwrap_or_default())
    }

    /// `name` in the namespace of this object.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        Self::new(&self.namespace, name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The resources at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Every relay.
    pub relays: BTreeMap<Key, SmtpRelay>,
    /// Every domain.
    pub domains: BTreeMap<Key, AcceptedDomain>,
    /// Secrets that something may refer to.
    pub secrets: BTreeMap<Key, Secret>,
    /// ConfigMaps that something may refer to.
    pub config_maps: BTreeMap<Key, ConfigMap>,
}

/// What a ConfigMap or a Secret can hold, in bytes of keys and values together.
pub const OBJECT_DATA_BYTES: usize = 1 << 20;
