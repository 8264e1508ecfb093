//! What a resource refers to, whether or not it is there.

use std::collections::BTreeSet;

use postern_crds::{
    AcceptedDomain, SmtpRelay,
    accepted_domain::{CaCertificateKind, NextHopTls},
};

use crate::{dereference::TargetKind, inventory::Key};

/// The relays that a domain names.
#[must_use]
pub fn relays_of(domain: &AcceptedDomain) -> BTreeSet<Key> {
    let key = Key::of(&domain.metadata);
    domain.spec.relay_refs.iter().map(|reference| key.sibling(&reference.name)).collect()
}

/// The objects that a relay itself refers to.
#[must_use]
pub fn of_relay(relay: &SmtpRelay) -> BTreeSet<(TargetKind, Key)> {
    let key = Key::of(&relay.metadata);
    let certificate = relay.spec.tls.certificate.iter().map(|certificate| (TargetKind::Secret, key.sibling(&certificate.secret_ref.name)));
    certificate.collect()
}

/// The objects that a domain refers to.
#[must_use]
pub fn of_domain(domain: &AcceptedDomain) -> BTreeSet<(TargetKind, Key)> {
    let key = Key::of(&domain.metadata);
    let mut targets = BTreeSet::new();
    let tls = [Some(&domain.spec.tls), domain.spec.unknown_recipients.as_ref().map(|other| &other.tls)];
    for NextHopTls { ca_certificate_refs, client_certificate_ref, .. } in tls.into_iter().flatten() {
        for reference in ca_certificate_refs {
            let kind = match reference.kind {
                CaCertificateKind::ConfigMap => TargetKind::ConfigMap,
                CaCertificateKind::Secret => TargetKind::Secret,
            };
            targets.insert((kind, key.sibling(&reference.name)));
        }
        targets.extend(client_certificate_ref.iter().map(|reference| (TargetKind::Secret, key.sibling(&reference.name))));
    }
    targets.extend(domain.spec.recipients.list_ref.iter().map(|reference| (TargetKind::ConfigMap, key.sibling(&reference.name))));
    targets
}
