//! The whole life of the operator's own CA and of a relay's certificate, on a clock that the test turns.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan};
use postern_operator::{
    issue::{self, AUTHORITY_LIFE, Authority, LEAF_LIFE, PUBLISHED_AHEAD},
    material::{Bundle, CertifiedKey, MaterialError},
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

const HOST: &str = "mx1.example.com";

/// What the operator keeps between two runs of the step.
struct Kept {
    authorities: Vec<CertifiedKey>,
    leaf: Option<CertifiedKey>,
}

impl Kept {
    fn nothing() -> Self {
        Self { authorities: Vec::new(), leaf: None }
    }

    /// The step, as a front end runs it: the CA, then the leaf, then who is needed no more.
    fn step(self, hostname: &str, now: Timestamp) -> Self {
        let authority = Authority::at(now, self.authorities).unwrap();
        let leaf = match self.leaf {
            Some(leaf) if issue::is_current(&leaf, hostname, &authority, now) => leaf,
            _ => issue::issue_leaf(hostname, &authority, now).unwrap(),
        };
        let authority = authority.without_retired(now, &[&leaf]);
        Self { authorities: authority.published().to_vec(), leaf: Some(leaf) }
    }

    fn leaf(&self) -> &CertifiedKey {
        self.leaf.as_ref().unwrap()
    }

    fn bundle(&self) -> String {
        self.authorities.iter().map(CertifiedKey::chain).collect()
    }
}

fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn day(number: i64) -> Timestamp {
    start() + SignedDuration::from_hours(24 * number)
}

fn is_trusted(leaf: &CertifiedKey, bundle: &str, now: Timestamp) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let end = CertificateDer::from_pem_slice(leaf.chain().as_bytes()).unwrap();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().try_into().unwrap()));
    verifier.verify_server_cert(&end, &[], &ServerName::try_from(HOST).unwrap(), &[], time).is_ok()
}

#[test]
fn a_first_run_issues_a_certificate_that_its_ca_vouches_for() {
    let kept = Kept::nothing().step(HOST, start());
    assert_eq!(kept.authorities.len(), 1);
    assert_eq!(kept.leaf().dns_names(), [HOST]);
    assert!(is_trusted(kept.leaf(), &kept.bundle(), start()));
    assert_eq!(kept.leaf().not_after(), start() + LEAF_LIFE);
    assert_eq!(kept.authorities[0].not_after(), start() + AUTHORITY_LIFE);
}

#[test]
fn nothing_changes_before_two_thirds_of_the_leaf_s_life() {
    let first = Kept::nothing().step(HOST, start());
    let leaf = first.leaf().clone();
    let later = first.step(HOST, day(59));
    assert_eq!(*later.leaf(), leaf);
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_of_its_life() {
    let first = Kept::nothing().step(HOST, start());
    let leaf = first.leaf().clone();
    let later = first.step(HOST, day(60));
    assert_ne!(*later.leaf(), leaf);
    assert_eq!(later.authorities.len(), 1, "the CA is far from its own renewal");
}

#[test]
fn another_hostname_gets_another_leaf() {
    let first = Kept::nothing().step("old.example.com", start());
    let second = first.step(HOST, day(1));
    assert_eq!(second.leaf().dns_names(), [HOST]);
}

#[test]
fn an_expired_ca_is_replaced_with_its_leaf() {
    let first = Kept::nothing().step(HOST, start());
    let old = first.authorities[0].clone();
    let long_after = start().checked_add((365 * 6 * 24).hours()).unwrap();
    let later = first.step(HOST, long_after);
    assert!(!later.authorities.contains(&old));
    assert!(is_trusted(later.leaf(), &later.bundle(), long_after));
}

#[test]
fn through_eleven_years_every_copy_of_the_trust_that_is_up_to_a_week_old_verifies_the_leaf() {
    let mut kept = Kept::nothing();
    let mut copies = VecDeque::new();
    let mut rollovers = 0;
    let mut published_before = 1;
    for number in 0..365 * 11 {
        kept = kept.step(HOST, day(number));
        copies.push_back(kept.bundle());
        if copies.len() > 7 {
            copies.pop_front();
        }
        let published = kept.authorities.len();
        assert!((1..=2).contains(&published), "day {number}: {published} CAs");
        assert!(copies.iter().all(|copy| is_trusted(kept.leaf(), copy, day(number))), "day {number}");
        rollovers += usize::from(published > published_before);
        published_before = published;
    }
    assert_eq!(rollovers, 3, "a CA of five years rolls over every three years and four months");
}

#[test]
fn a_ca_stays_published_until_no_leaf_of_it_is_in_use() {
    let mut kept = Kept::nothing().step(HOST, start());
    let old = kept.authorities[0].clone();
    let rollover = 365 * 5 * 2 / 3;
    for number in 1..rollover + 80 {
        kept = kept.step(HOST, day(number));
        let in_use = kept.leaf().is_issued_by(&old);
        assert!(!in_use || kept.authorities.contains(&old), "day {number}: a leaf of the old CA is in use");
    }
    assert!(!kept.authorities.contains(&old), "every leaf is renewed, so the old CA is gone");
}

#[test]
fn a_successor_is_published_before_it_signs() {
    let mut kept = Kept::nothing();
    let (mut published, mut signed) = (None, None);
    for number in 0..365 * 4 {
        kept = kept.step(HOST, day(number));
        if let [_, successor] = &kept.authorities[..] {
            published.get_or_insert(number);
            if kept.leaf().is_issued_by(successor) {
                signed.get_or_insert(number);
            }
        } else if published.is_some() {
            signed.get_or_insert(number);
        }
    }
    let ahead = SignedDuration::from_hours(24 * (signed.unwrap() - published.unwrap()));
    assert!(ahead >= PUBLISHED_AHEAD, "published on day {published:?}, signed on day {signed:?}");
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let kept = Kept::nothing().step(HOST, start());
    let shown = format!("{:?}", kept.leaf());
    assert!(shown.contains("hidden") && !shown.contains("PRIVATE KEY"));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (one, other) = (Kept::nothing().step(HOST, start()), Kept::nothing().step(HOST, start()));
    let mixed = CertifiedKey::parse(one.leaf().chain(), other.leaf().key().reveal());
    assert_eq!(mixed.unwrap_err(), MaterialError::Mismatch);
}

#[test]
fn what_is_no_pem_is_refused_by_what_it_lacks() {
    let kept = Kept::nothing().step(HOST, start());
    let (chain, key) = (kept.leaf().chain(), kept.leaf().key().reveal());
    assert_eq!(CertifiedKey::parse("", key).unwrap_err(), MaterialError::NoCertificate);
    assert_eq!(CertifiedKey::parse(chain, "nothing").unwrap_err(), MaterialError::NoKey);
    assert_eq!(Bundle::parse(key).unwrap_err(), MaterialError::NoCertificate);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(Bundle::parse(&format!("{chain}{broken}")).unwrap_err(), MaterialError::BadCertificate(2));
}
