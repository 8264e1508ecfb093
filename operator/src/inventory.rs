//! The resources that the pipeline works on, wherever they come from: a folder of manifests, or the caches of a cluster's API.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret, Service},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use postern_crds::{AcceptedDomain, SmtpRelay};

use crate::reference_grant::ReferenceGrant;

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

    /// What this object refers to as `name` in `namespace`, which is empty for its own.
    #[must_use]
    pub fn refer(&self, namespace: &str, name: &str) -> Self {
        Self::new(if namespace.is_empty() { &self.namespace } else { namespace }, name)
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

/// The resources at one moment: all of them, or those that concern one relay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Relays.
    pub relays: BTreeMap<Key, SmtpRelay>,
    /// Domains.
    pub domains: BTreeMap<Key, AcceptedDomain>,
    /// Secrets that something may refer to.
    pub secrets: BTreeMap<Key, Secret>,
    /// ConfigMaps that something may refer to.
    pub config_maps: BTreeMap<Key, ConfigMap>,
    /// Services that mail may go on to.
    pub services: BTreeMap<Key, Service>,
    /// Labels of namespaces, by name.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Consents to references from other namespaces.
    pub grants: BTreeMap<Key, ReferenceGrant>,
    /// What could be read at all.
    pub scope: Scope,
}

impl Inventory {
    /// Whether a namespace has labels beyond the one that every cluster sets.
    #[must_use]
    pub fn has_labels_of(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|labels| labels.keys().any(|key| key != NAMESPACE_NAME_LABEL))
    }
}

/// What the operator may read. Something outside is not missing: nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The namespaces whose resources are read. Only when that is all of them are the labels of namespaces read too.
    pub namespaces: Readable,
    /// The namespaces whose Secrets are read.
    pub secrets: Readable,
}

/// Some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readable {
    /// Each of the cluster.
    #[default]
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Readable {
    /// Whether `namespace` is among them.
    #[must_use]
    pub fn holds(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces) => namespaces.contains(namespace),
        }
    }
}

/// The label that holds the name of a namespace; every cluster sets it.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What a ConfigMap or a Secret can hold, in bytes of keys and values together.
pub const OBJECT_DATA_BYTES: usize = 1 << 20;
