//! What manifests refer to and don't hold: it is taken to be in the cluster.

use std::collections::BTreeSet;

use postern_crds::{AcceptedDomain, smtp_relay::NamespacesFrom};

use crate::{
    dereference::{Target, TargetKind},
    inventory::{Inventory, Key},
    references,
};

/// A note for each object that is referred to and not there.
pub(super) fn notes(inventory: &Inventory) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, relay) in &inventory.relays {
        let targets = references::of_relay(relay);
        notes.extend(absent(inventory, targets).into_iter().map(|what| format!("SmtpRelay {key}: {what}")));
    }
    for (key, domain) in &inventory.domains {
        let relays = references::relays_of(domain).into_iter().filter(|relay| !inventory.relays.contains_key(relay));
        let relays = relays.map(|relay| format!("the SmtpRelay {relay}"));
        let targets = absent(inventory, references::of_domain(domain));
        let labels = labels_matter(inventory, domain) && !inventory.has_labels_of(&key.namespace);
        let labels = labels.then(|| format!("what the Namespace {} is labelled with", key.namespace));
        notes.extend(relays.chain(labels).chain(targets).map(|what| format!("AcceptedDomain {key}: {what}")));
    }
    notes.into_iter().map(|what| format!("{what} is not here, and taken to be in the cluster")).collect()
}

/// Whether a relay lets the domain in by the labels of its namespace.
fn labels_matter(inventory: &Inventory, domain: &AcceptedDomain) -> bool {
    let relays = references::relays_of(domain);
    let named = relays.iter().filter_map(|relay| inventory.relays.get(relay));
    let mut entries = named.flat_map(|relay| &relay.spec.allowed_domains);
    entries.any(|entry| entry.namespaces.from == NamespacesFrom::Selector)
}

fn absent(inventory: &Inventory, targets: BTreeSet<(TargetKind, Key)>) -> Vec<String> {
    let is_absent = |(kind, key): &(TargetKind, Key)| match kind {
        TargetKind::Secret => !inventory.secrets.contains_key(key),
        TargetKind::ConfigMap => !inventory.config_maps.contains_key(key),
        TargetKind::Service => !inventory.services.contains_key(key),
    };
    targets.into_iter().filter(is_absent).map(|(kind, key)| format!("the {}", Target { kind, key })).collect()
}
