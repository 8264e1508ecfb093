//! What a resource refers to, whether or not it is there.

use std::collections::BTreeSet;

use postern_crds::{
    AcceptedDomain, SmtpRelay,
    accepted_domain::{CaCertificateKind, CaCertificateReference, NextHop, NextHopTls},
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
    let (key, spec) = (Key::of(&relay.metadata), &relay.spec);
    let certificate = spec.tls.certificate.as_ref().and_then(|certificate| secret_of(relay, certificate));
    let users = spec.auth.iter().flat_map(|auth| &auth.users.secret_refs);
    let credentials = spec.routes.iter().filter_map(|route| route.credentials_ref.as_ref());
    let database = spec.spool.iter().filter_map(|spool| spool.postgres.as_ref()).map(|postgres| &postgres.connection_ref);
    let beside = users.chain(credentials).chain(database).map(|reference| key.sibling(&reference.name));
    let mut targets: BTreeSet<_> = certificate.into_iter().chain(beside).map(|secret| (TargetKind::Secret, secret)).collect();
    targets.extend(spec.listeners.iter().flat_map(|listener| &listener.tls.client_ca_refs).map(|reference| target_of(&key, reference)));
    for route in &spec.routes {
        targets.extend(of_links(&key, &route.smart_hosts, &route.tls));
    }
    targets
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
    let mut targets = of_links(&key, &spec.next_hops, &spec.tls);
    if let Some(others) = &spec.unknown_recipients {
        targets.extend(of_links(&key, &others.next_hops, &others.tls));
    }
    let lists = spec.recipients.list_ref.iter();
    targets.extend(lists.map(|reference| (TargetKind::ConfigMap, key.refer(&reference.namespace, &reference.name))));
    targets
}

/// What links to servers need, as `referrer` refers to it.
fn of_links(referrer: &Key, hops: &[NextHop], tls: &NextHopTls) -> BTreeSet<(TargetKind, Key)> {
    let authorities = tls.ca_certificate_refs.iter().map(|reference| target_of(referrer, reference));
    let client = tls.client_certificate_ref.iter();
    let client = client.map(|reference| (TargetKind::Secret, referrer.refer(&reference.namespace, &reference.name)));
    let services = hops.iter().filter_map(|hop| hop.service_ref.as_ref());
    let services = services.map(|reference| (TargetKind::Service, referrer.refer(&reference.namespace, &reference.name)));
    authorities.chain(client).chain(services).collect()
}

/// What holds CA certificates that `referrer` refers to.
pub(crate) fn target_of(referrer: &Key, reference: &CaCertificateReference) -> (TargetKind, Key) {
    let kind = match reference.kind {
        CaCertificateKind::ConfigMap => TargetKind::ConfigMap,
        CaCertificateKind::Secret => TargetKind::Secret,
    };
    (kind, referrer.refer(&reference.namespace, &reference.name))
}
