//! Names, labels and owners of a relay's objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource as _;
use postern_crds::SmtpRelay;

use crate::{
    inventory::Key,
    labels::{MANAGED_BY, OPERATOR, RELAY},
};

/// Names what belongs to one relay.
pub(super) struct Names {
    key: Key,
    owner: Option<OwnerReference>,
}

/// The workload of a relay.
pub(crate) fn workload_of(relay: &Key) -> String {
    format!("{}-relay", relay.name)
}

impl Names {
    pub(super) fn of(relay: &SmtpRelay) -> Self {
        // Only what a cluster keeps has a UID, and only then can it own anything.
        Self { key: Key::of(&relay.metadata), owner: relay.controller_owner_ref(&()) }
    }

    /// The workload and what surrounds it.
    pub(super) fn workload(&self) -> String {
        workload_of(&self.key)
    }

    /// The Service by which pods find each other.
    pub(super) fn peers(&self) -> String {
        self.child("peers")
    }

    /// What that Service is called in DNS.
    pub(super) fn peers_domain(&self, cluster_domain: &str) -> String {
        format!("{}.{}.svc.{cluster_domain}", self.peers(), self.key.namespace)
    }

    pub(super) fn child(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.key.name)
    }

    pub(super) fn metadata(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.key.namespace.clone()),
            labels: Some(self.labels()),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selector_labels();
        labels.insert(MANAGED_BY.to_owned(), OPERATOR.to_owned());
        labels.insert("app.kubernetes.io/part-of".to_owned(), "postern".to_owned());
        labels
    }

    pub(super) fn selector(&self) -> LabelSelector {
        LabelSelector { match_labels: Some(self.selector_labels()), match_expressions: None }
    }

    /// A selector can't be changed later, so these never do.
    pub(super) fn selector_labels(&self) -> BTreeMap<String, String> {
        [
            ("app.kubernetes.io/name", "postern-relay"),
            ("app.kubernetes.io/instance", self.key.name.as_str()),
            (RELAY, self.key.name.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }
}

/// The labels of a relay's pods as `kubectl --selector` takes them.
#[must_use]
pub(crate) fn selector_of(relay: &SmtpRelay) -> String {
    let labels = Names::of(relay).selector_labels();
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
