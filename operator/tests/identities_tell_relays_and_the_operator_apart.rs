//! Relays and the operator know each other by certificates of a CA of their own, which nobody else's certificate passes for.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use postern_operator::{
    inventory::Key,
    issue::{Authority, identity, is_current, issue_identity, issue_leaf, renewal_due},
    material::CertifiedKey,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
};

fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn day(number: i64) -> Timestamp {
    start() + SignedDuration::from_hours(24 * number)
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.bundle().as_str().as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    Arc::new(roots)
}

fn is_server(pair: &CertifiedKey, name: &str, authority: &Authority, now: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authority), provider).build().unwrap();
    verifier.verify_server_cert(&der(pair), &[], &ServerName::try_from(name.to_owned()).unwrap(), &[], unix(now)).is_ok()
}

fn is_client(pair: &CertifiedKey, authority: &Authority, now: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(authority), provider).build().unwrap();
    verifier.verify_client_cert(&der(pair), &[], unix(now)).is_ok()
}

fn der(pair: &CertifiedKey) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.chain().as_bytes()).unwrap()
}

fn unix(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap()))
}

#[test]
fn an_identity_serves_and_calls_by_its_own_name_alone() {
    let authority = Authority::of_identities_at(start(), Vec::new()).unwrap();
    let name = identity::of_relay(&Key::new("mail", "edge"));
    assert_eq!(name, "edge.mail.relay.postern.internal");
    let relay = issue_identity(&name, &authority, start()).unwrap();
    assert!(is_server(&relay, &name, &authority, start()) && is_client(&relay, &authority, start()));
    assert!(!is_server(&relay, identity::OPERATOR, &authority, start()));
    assert!(!is_server(&relay, &identity::of_relay(&Key::new("other", "edge")), &authority, start()));
    assert_eq!(relay.dns_names(), [name]);
}

#[test]
fn the_longest_names_are_names() {
    let relay = Key::new(&"n".repeat(63), &"r".repeat(40));
    let authority = Authority::of_identities_at(start(), Vec::new()).unwrap();
    let pair = issue_identity(&identity::of_relay(&relay), &authority, start()).unwrap();
    assert!(is_server(&pair, &identity::of_relay(&relay), &authority, start()));
}

#[test]
fn a_certificate_for_mail_is_nobody_inside() {
    let (mail, inside) = (Authority::at(start(), Vec::new()).unwrap(), Authority::of_identities_at(start(), Vec::new()).unwrap());
    let of_mail = issue_leaf(identity::OPERATOR, &mail, start()).unwrap();
    assert!(!is_client(&of_mail, &inside, start()) && !is_server(&of_mail, identity::OPERATOR, &inside, start()));
    assert!(!is_client(&of_mail, &mail, start()), "a certificate for clients' eyes is none to call with");
}

#[test]
fn an_identity_is_renewed_at_two_thirds_of_its_life() {
    let authority = Authority::of_identities_at(start(), Vec::new()).unwrap();
    let pair = issue_identity(identity::OPERATOR, &authority, start()).unwrap();
    assert!(is_current(&pair, identity::OPERATOR, &authority, day(59)));
    assert!(!is_current(&pair, identity::OPERATOR, &authority, day(60)));
    assert!(renewal_due(&pair) > day(59) && renewal_due(&pair) < day(60));
}

#[test]
fn both_sides_trust_each_other_all_through_a_rollover() {
    // Two leaves, renewed on different days, kept as the operator keeps them: the CA in the data of a Secret.
    let names = [identity::OPERATOR.to_owned(), identity::of_relay(&Key::new("mail", "edge"))];
    let mut kept = std::collections::BTreeMap::new();
    let mut leaves = [None::<CertifiedKey>, None];
    let mut most_published = 0;
    for number in (0..365 * 4).step_by(3) {
        let now = day(number);
        let authority = Authority::of_identities_at(now, Authority::kept_in(&kept).unwrap()).unwrap();
        let is_turn = |index: usize| number % 2 == i64::try_from(index).unwrap();
        for (index, (name, leaf)) in names.iter().zip(&mut leaves).enumerate() {
            let is_due = leaf.as_ref().is_none_or(|leaf| !is_current(leaf, name, &authority, now));
            if leaf.is_none() || is_due && is_turn(index) {
                *leaf = Some(issue_identity(name, &authority, now).unwrap());
            }
        }
        let in_use: Vec<_> = leaves.iter().flatten().collect();
        let authority = authority.without_retired(now, &in_use);
        most_published = most_published.max(authority.published().len());
        for leaf in in_use {
            assert!(is_client(leaf, &authority, now), "day {number}");
        }
        kept = authority.data();
    }
    assert_eq!(most_published, 2);
}

#[test]
fn a_kept_ca_that_is_damaged_is_not_replaced() {
    let authority = Authority::of_identities_at(start(), Vec::new()).unwrap();
    let data = authority.data();
    assert_eq!(Authority::kept_in(&data).unwrap(), authority.published());
    for entry in data.keys() {
        let mut without = data.clone();
        without.remove(entry);
        assert!(Authority::kept_in(&without).is_err(), "without {entry}");
        let mut broken = data.clone();
        broken.insert(entry.clone(), ByteString(b"broken".to_vec()));
        let error = Authority::kept_in(&broken).unwrap_err();
        assert!(entry.starts_with(&error.entry), "{error}");
    }
    assert_eq!(Authority::kept_in(&[("note".to_owned(), ByteString(b"mine".to_vec()))].into()).unwrap(), []);
}
