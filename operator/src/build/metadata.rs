//! Names, labels and owners of child objects.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use postern_crds::SmtpRelay;

use crate::inventory::Key;

/// The metadata of the child `NAME-suffix` of `relay`.
pub(super) fn child(relay: &SmtpRelay, suffix: &str) -> ObjectMeta {
    let key = Key::of(&relay.metadata);
    ObjectMeta {
        name: Some(child_name(relay, suffix)),
        namespace: Some(key.namespace),
        labels: Some(labels(relay)),
        owner_references: owner(relay).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// The name of the child `NAME-suffix` of `relay`.
pub(super) fn child_name(relay: &SmtpRelay, suffix: &str) -> String {
    format!("{}-{suffix}", relay.metadata.name.as_deref().unwrap_or_default())
}

/// The labels of all children.
pub(super) fn labels(relay: &SmtpRelay) -> BTreeMap<String, String> {
    let mut labels = selector_labels(relay);
    labels.extend([
        ("app.kubernetes.io/component".to_owned(), "relay".to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), "postern-operator".to_owned()),
        ("app.kubernetes.io/part-of".to_owned(), "postern".to_owned()),
    ]);
    labels
}

/// Selects the pods of `relay`. A Deployment's selector can't be changed, so this can't either.
pub(super) fn selector(relay: &SmtpRelay) -> LabelSelector {
    LabelSelector { match_labels: Some(selector_labels(relay)), match_expressions: None }
}

/// The labels of [`selector`].
pub(super) fn selector_labels(relay: &SmtpRelay) -> BTreeMap<String, String> {
    let name = relay.metadata.name.clone().unwrap_or_default();
    [("app.kubernetes.io/name".to_owned(), "postern-relay".to_owned()), ("app.kubernetes.io/instance".to_owned(), name)].into()
}

/// The owner, once the API server has given it an identity.
fn owner(relay: &SmtpRelay) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: format!("{}/{}", postern_crds::GROUP, postern_crds::VERSION),
        kind: "SmtpRelay".to_owned(),
        name: relay.metadata.name.clone()?,
        uid: relay.metadata.uid.clone()?,
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}
