//! What TLS to a next hop must give, and what becomes of mail when it does not.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{fs, sync::Arc};

use handover::{Bench, clear, codes, hops, named_hops, root};
use postern_config::{
    DomainName, NextHopTlsMode, NextHops,
    material::{key_file, trust_file},
};
use postern_relay::{
    delivery::Loader,
    policy::{Label, Way},
};
use postern_tests::{
    next_hop::{Act, At, NextHop, Script},
    pki::{Authority, Certificate},
};

const NOT_OFFERED: &str = "451 4.7.10";
const NOT_SHOWN: &str = "451 4.7.5";
const TAKEN: &str = "250 2.0.0";

/// A bench that trusts `authority` as the bundle `ca`.
fn trusting(authority: &Authority) -> Bench {
    let bench = Bench::new();
    authority.write(&bench.folder.path().join(trust_file("ca"))).unwrap();
    bench
}

async fn showing(certificate: &Certificate) -> NextHop {
    Script::good().with_tls(certificate.server_config().unwrap()).start().await.unwrap()
}

/// `Verify` with the bundle `ca`, for a certificate with the name `server_name`, or with the address when there is none.
fn verify(hop: &NextHop, server_name: Option<&str>) -> NextHops {
    let mut next_hops = hops(NextHopTlsMode::Verify, &[hop.address()]);
    next_hops.tls.trust = vec!["ca".to_owned()];
    next_hops.tls.server_name = server_name.map(|name| DomainName::parse(name).unwrap());
    next_hops
}

async fn send(bench: &Bench, next_hops: &NextHops) -> String {
    codes(&bench.send(&bench.destination(next_hops), b"x\r\n").await)
}

/// Sends, and returns the reply and in what way the message came: in TLS or in clear, or not at all.
async fn sent(bench: &Bench, next_hops: &NextHops, hop: &NextHop) -> (String, Option<bool>) {
    let reply = send(bench, next_hops).await;
    (reply, hop.record().messages().first().map(|message| message.is_tls))
}

#[tokio::test]
async fn verify_takes_a_certificate_for_the_right_name_from_a_trusted_ca() {
    let authority = Authority::new("ca").unwrap();
    let hop = showing(&authority.server(&["hop.test"]).unwrap()).await;
    let bench = trusting(&authority);
    assert_eq!(sent(&bench, &verify(&hop, Some("hop.test")), &hop).await, (TAKEN.to_owned(), Some(true)));
    assert_eq!(bench.metric("postern_next_hop_connections_total{tls=\"1.3\"}"), 1);
}

#[tokio::test]
async fn verify_takes_the_hops_own_address_or_name_where_no_server_name_is_given() {
    let authority = Authority::new("ca").unwrap();
    let hop = showing(&authority.server(&["127.0.0.1", "localhost"]).unwrap()).await;
    let bench = trusting(&authority);
    assert_eq!(send(&bench, &verify(&hop, None)).await, TAKEN);
    let mut by_name = named_hops(NextHopTlsMode::Verify, &[("localhost".to_owned(), hop.address().port())]);
    by_name.tls.trust = vec!["ca".to_owned()];
    assert_eq!(send(&bench, &by_name).await, TAKEN);
}

#[tokio::test]
async fn verify_refuses_every_other_certificate_and_nothing_is_sent() {
    let (authority, stranger) = (Authority::new("ca").unwrap(), Authority::new("ca").unwrap());
    let certificates = [
        ("another name", authority.server(&["other.test"]).unwrap()),
        ("another address", authority.server(&["127.0.0.2"]).unwrap()),
        ("another CA", stranger.server(&["hop.test"]).unwrap()),
        ("expired", authority.expired_server(&["hop.test"]).unwrap()),
        ("a client's", authority.client("hop.test").unwrap()),
    ];
    for (what, certificate) in certificates {
        let hop = showing(&certificate).await;
        let bench = trusting(&authority);
        assert_eq!(sent(&bench, &verify(&hop, Some("hop.test")), &hop).await, (NOT_SHOWN.to_owned(), None), "{what}");
        assert_eq!(hop.record().count("MAIL"), 0, "{what}");
        assert_eq!(bench.metric("postern_next_hop_failures_total{step=\"handshake\"}"), 1, "{what}");
    }
}

#[tokio::test]
async fn verify_with_the_systems_roots_refuses_a_private_ca() {
    let authority = Authority::new("ca").unwrap();
    let hop = showing(&authority.server(&["hop.test"]).unwrap()).await;
    let bench = Bench::new();
    let mut next_hops = verify(&hop, Some("hop.test"));
    next_hops.tls.trust.clear();
    assert_eq!(sent(&bench, &next_hops, &hop).await, (NOT_SHOWN.to_owned(), None));
}

#[tokio::test]
async fn verify_and_encrypt_refuse_a_server_without_starttls() {
    for mode in [NextHopTlsMode::Verify, NextHopTlsMode::Encrypt] {
        let hop = Script::good().start().await.unwrap();
        assert_eq!(sent(&Bench::new(), &hops(mode, &[hop.address()]), &hop).await, (NOT_OFFERED.to_owned(), None), "{mode:?}");
        assert_eq!(hop.record().count("MAIL"), 0);
    }
}

#[tokio::test]
async fn encrypt_and_opportunistic_take_any_certificate() {
    let authority = Authority::new("ca").unwrap();
    for certificate in [authority.server(&["other.test"]).unwrap(), authority.expired_server(&["other.test"]).unwrap()] {
        for mode in [NextHopTlsMode::Encrypt, NextHopTlsMode::Opportunistic] {
            let hop = showing(&certificate).await;
            let reply = sent(&Bench::new(), &hops(mode, &[hop.address()]), &hop).await;
            assert_eq!(reply, (TAKEN.to_owned(), Some(true)), "{mode:?}");
        }
    }
}

#[tokio::test]
async fn opportunistic_goes_in_clear_where_starttls_is_not_offered() {
    let hop = Script::good().start().await.unwrap();
    let bench = Bench::new();
    assert_eq!(sent(&bench, &clear(&[hop.address()]), &hop).await, (TAKEN.to_owned(), Some(false)));
    assert_eq!((hop.record().connections(), bench.metric("postern_next_hop_connections_total{tls=\"none\"}")), (1, 1));
}

#[tokio::test]
async fn opportunistic_goes_in_clear_on_a_fresh_connection_where_tls_fails() {
    let tls = Authority::new("ca").unwrap().server(&["hop.test"]).unwrap().server_config().unwrap();
    let faults = [
        (At::StartTls, Act::say("454 4.7.0 no TLS today")),
        (At::StartTls, Act::Close),
        (At::Handshake, Act::Close),
        (At::Handshake, Act::Write(b"\x15\x03\x03\x00\x02\x02\x28".to_vec())),
    ];
    for (at, act) in faults {
        let hop = Script::fault(at, act).with_tls(Arc::clone(&tls)).start().await.unwrap();
        assert_eq!(sent(&Bench::new(), &clear(&[hop.address()]), &hop).await, (TAKEN.to_owned(), Some(false)), "{at:?}");
        assert_eq!(hop.record().connections(), 2);
        let mails: Vec<_> = hop.record().commands().into_iter().filter(|(_, line)| line.starts_with("MAIL")).collect();
        assert!(matches!(&mails[..], [(1, _)]), "{mails:?}");
    }
}

#[tokio::test]
async fn what_is_slipped_in_behind_the_220_is_not_taken_for_a_reply_in_tls() {
    let authority = Authority::new("ca").unwrap();
    // If it were, EHLO would be answered by it, and the message would be too large.
    let injected = b"220 2.0.0 Go ahead\r\n250-evil\r\n250 SIZE 1\r\n".to_vec();
    let hop = Script::fault(At::StartTls, Act::Write(injected))
        .with_tls(authority.server(&["hop.test"]).unwrap().server_config().unwrap())
        .start()
        .await
        .unwrap();
    let bench = trusting(&authority);
    assert_eq!(sent(&bench, &verify(&hop, Some("hop.test")), &hop).await, (TAKEN.to_owned(), Some(true)));
}

#[tokio::test]
async fn capabilities_are_asked_for_again_in_tls() {
    let authority = Authority::new("ca").unwrap();
    let hop = Script::new(|asked| match asked.at {
        At::Ehlo if !asked.is_tls => Act::say("250 hop.test\nSTARTTLS\nSIZE 1"),
        _ => Act::Comply,
    });
    let hop = hop.with_tls(authority.server(&["hop.test"]).unwrap().server_config().unwrap()).start().await.unwrap();
    let bench = trusting(&authority);
    assert_eq!(send(&bench, &verify(&hop, Some("hop.test"))).await, TAKEN);
    assert_eq!(hop.record().count("EHLO relay.example.com"), 2);
}

#[tokio::test]
async fn the_client_certificate_is_shown_where_one_is_asked_for() {
    let (authority, clients) = (Authority::new("ca").unwrap(), Authority::new("clients").unwrap());
    let config = authority.server(&["hop.test"]).unwrap().server_config_requiring(&clients).unwrap();
    let hop = Script::good().with_tls(config).start().await.unwrap();
    let bench = trusting(&authority);
    let certificate = clients.client("relay.example.com").unwrap();
    certificate.write_as(bench.folder.path(), "client").unwrap();
    let mut next_hops = verify(&hop, Some("hop.test"));
    assert_eq!(send(&bench, &next_hops).await, "451 4.4.2", "without one");
    next_hops.tls.client_certificate = Some("client".to_owned());
    assert_eq!(send(&bench, &next_hops).await, TAKEN);
    assert_eq!(hop.record().messages()[0].client_certificate.as_ref(), Some(certificate.der()));
}

#[test]
fn an_error_in_a_file_names_the_file() {
    let bench = tempfile::tempdir().unwrap();
    let authority = Authority::new("ca").unwrap();
    authority.client("relay.example.com").unwrap().write_as(bench.path(), "other").unwrap();
    authority.client("relay.example.com").unwrap().write_as(bench.path(), "mixed").unwrap();
    fs::copy(bench.path().join(key_file("other")), bench.path().join(key_file("mixed"))).unwrap();
    fs::write(bench.path().join(trust_file("empty")), "").unwrap();
    fs::write(bench.path().join(trust_file("broken")), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();

    let error = |trust: Option<&str>, certificate: Option<&str>| {
        let mut next_hops = hops(NextHopTlsMode::Verify, &[([127, 0, 0, 1], 25).into()]);
        next_hops.tls.trust = trust.map(str::to_owned).into_iter().collect();
        next_hops.tls.client_certificate = certificate.map(str::to_owned);
        let way = Way { label: Label::Route("out"), target: &next_hops.into(), ehlo_name: None };
        Loader::new(bench.path(), &root(bench.path())).load(&way).unwrap_err().to_string()
    };
    assert_eq!(error(Some("absent"), None), "trust.absent.pem: No such file or directory (os error 2)");
    assert_eq!(error(Some("empty"), None), "trust.empty.pem: holds no certificate");
    assert!(error(Some("broken"), None).starts_with("trust.broken.pem: "));
    assert!(error(None, Some("absent")).starts_with("tls.absent.crt: "));
    assert!(error(None, Some("mixed")).starts_with("tls.mixed.crt: "));
}
