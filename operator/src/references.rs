//! What a resource refers to, whether or not it is there.

use std::collections::BTreeSet;

use postern_crds::{
    AcceptedDomain, SmtpRelay,
    accepted_domain::{CaCertificateKind, CaCertificateReference, NextHopTls},
    smtp_relay::Certificate,
};

use crate::{dereference::TargetKind, inventory::Key};

/// The relays that a domain concerns: those that it names, and those that it named and that still answer for it (see
/// [`crate::dereference::Standing`]).
#[must_use]
pub fn relays_of(domain: &AcceptedDomain) -> BTreeSet<Key> {
    let key = Key::of(&domain.metadata);
    let named = domain.spec.relay_refs.iter();
    let shown = domain.status.iter().flat_map(|status| &status.relays).map(|attachment| &attachment.relay_ref);
    named.chain(shown).map(|reference| key.refer(&reference.namespace, &reference.name)).collect()
}

/// The objects that a relay itself refers to.
#[must_use]
pub fn of_relay(relay: &SmtpRelay) -> BTreeSet<(TargetKind, Key)> {
    let secret = relay.spec.tls.certificate.as_ref().and_then(|certificate| secret_of(relay, certificate));
    secret.map(|secret| (TargetKind::Secret, secret)).into_iter().collect()
}

/// The Secret that holds a relay's certificate: the one that it names, or the one that its issuer fills.
pub(crate) fn secret_of(relay: &SmtpRelay, certificate: &Certificate) -> Option<Key> {
    let key = Key::of(&relay.metadata);
    let named = certificate.secret_ref.as_ref().map(|reference| key.refer(&reference.namespace, &reference.name));
    named.or_else(|| certificate.issuer_ref.is_some().then(|| key.sibling(&issued_secret(&key.name))))
}

/// The name of the `Certificate` that a relay with an `issuerRef` has, and of the Secret that cert-manager fills.
#[must_use]
pub fn issued_secret(relay: &str) -> String {
    format!("{relay}-certificate")
}

/// The objects that a domain refers to.
#[must_use]
pub fn of_domain(domain: &AcceptedDomain) -> BTreeSet<(TargetKind, Key)> {
    let key = Key::of(&domain.metadata);
    let spec = &domain.spec;
    let mut targets = BTreeSet::new();
    let tls = [Some(&spec.tls), spec.unknown_recipients.as_ref().map(|other| &other.tls)];
    for NextHopTls { ca_certificate_refs, client_certificate_ref, .. } in tls.into_iter().flatten() {
        targets.extend(ca_certificate_refs.iter().map(|reference| target_of(&key, reference)));
        let client = client_certificate_ref.iter();
        targets.extend(client.map(|reference| (TargetKind::Secret, key.refer(&reference.namespace, &reference.name))));
    }
    let lists = spec.recipients.list_ref.iter();
    targets.extend(lists.map(|reference| (TargetKind::ConfigMap, key.refer(&reference.namespace, &reference.name))));
    let hops = spec.next_hops.iter().chain(spec.unknown_recipients.iter().flat_map(|other| &other.next_hops));
    let services = hops.filter_map(|hop| hop.service_ref.as_ref());
    targets.extend(services.map(|reference| (TargetKind::Service, key.refer(&reference.namespace, &reference.name))));
    targets
}

/// What holds CA certificates that `referrer` refers to.
pub(crate) fn target_of(referrer: &Key, reference: &CaCertificateReference) -> (TargetKind, Key) {
    let kind = match reference.kind {
        CaCertificateKind::ConfigMap => TargetKind::ConfigMap,
        CaCertificateKind::Secret => TargetKind::Secret,
    };
    (kind, referrer.refer(&reference.namespace, &reference.name))
}
