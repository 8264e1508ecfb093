//! What manifests refer to and don't hold: it is taken to be in the cluster.

use postern_crds::{
    AcceptedDomain,
    accepted_domain::{CaCertificateKind, NextHopTls},
};

use crate::inventory::{Inventory, Key};

/// A note for each object that is referred to and not there.
pub(super) fn notes(inventory: &Inventory) -> Vec<String> {
    let mut absent = Vec::new();
    for (key, relay) in &inventory.relays {
        let secret = relay.spec.tls.certificate.as_ref().map(|certificate| certificate.secret_ref.name.as_str());
        absent.extend(secret.and_then(|name| absent_secret(inventory, key, name)).map(|what| format!("SmtpRelay {key}: {what}")));
    }
    for (key, domain) in &inventory.domains {
        absent.extend(of_domain(inventory, key, domain).into_iter().map(|what| format!("AcceptedDomain {key}: {what}")));
    }
    absent.into_iter().map(|what| format!("{what} is not here, and taken to be in the cluster")).collect()
}

fn of_domain(inventory: &Inventory, key: &Key, domain: &AcceptedDomain) -> Vec<String> {
    let relays = domain.spec.relay_refs.iter().map(|reference| key.sibling(&reference.name));
    let mut absent: Vec<_> =
        relays.filter(|relay| !inventory.relays.contains_key(relay)).map(|relay| format!("the SmtpRelay {relay}")).collect();
    let others = domain.spec.unknown_recipients.as_ref().map(|other| &other.tls);
    for tls in [&domain.spec.tls].into_iter().chain(others) {
        absent.extend(of_tls(inventory, key, tls));
    }
    absent
}

fn of_tls(inventory: &Inventory, key: &Key, tls: &NextHopTls) -> Vec<String> {
    let bundles = tls.ca_certificate_refs.iter().filter_map(|reference| match reference.kind {
        CaCertificateKind::ConfigMap => absent_config_map(inventory, key, &reference.name),
        CaCertificateKind::Secret => absent_secret(inventory, key, &reference.name),
    });
    let certificate = tls.client_certificate_ref.iter().filter_map(|reference| absent_secret(inventory, key, &reference.name));
    bundles.chain(certificate).collect()
}

fn absent_secret(inventory: &Inventory, referrer: &Key, name: &str) -> Option<String> {
    let target = referrer.sibling(name);
    (!inventory.secrets.contains_key(&target)).then(|| format!("the Secret {target}"))
}

fn absent_config_map(inventory: &Inventory, referrer: &Key, name: &str) -> Option<String> {
    let target = referrer.sibling(name);
    (!inventory.config_maps.contains_key(&target)).then(|| format!("the ConfigMap {target}"))
}
