//! A smart host is shown our credentials in TLS and never before, and nobody else is.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::{fs, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use handover::{Bench, codes, hops, root};
use postern_config::{NextHopTlsMode, RouteTarget, material::credentials_file};
use postern_relay::{
    delivery::{Destination, Loader},
    policy::{Label, Way},
};
use postern_tests::{
    next_hop::{NextHop, Script},
    pki::Authority,
};

const TAKEN: &str = "250 2.0.0";

async fn in_tls(script: Script) -> NextHop {
    let tls = Authority::new("ca").unwrap().server(&["hop.test"]).unwrap().server_config().unwrap();
    script.with_tls(tls).start().await.unwrap()
}

fn know(bench: &Bench, name: &str, username: &str, password: &str) {
    let credentials = postern_config::Credentials::Password { username: username.to_owned(), password: password.to_owned() };
    fs::write(bench.folder.path().join(credentials_file(name)), serde_json::to_vec(&credentials).unwrap()).unwrap();
}

fn to(bench: &Bench, mode: NextHopTlsMode, hop: &NextHop, credentials: &str) -> Arc<Destination> {
    let target = RouteTarget::Hosts { next_hops: hops(mode, &[hop.address()]), credentials: Some(credentials.to_owned()) };
    bench.destination_of(&bench.root(), &target)
}

/// Sends with the user `us` and the password `pässword`, and returns the reply.
async fn sent(bench: &Bench, mode: NextHopTlsMode, hop: &NextHop) -> String {
    know(bench, "us", "us@example.com", "pässword");
    codes(&bench.send(&to(bench, mode, hop, "us"), b"x\r\n").await)
}

fn commands(hop: &NextHop) -> Vec<String> {
    hop.record().commands().into_iter().map(|(_, line)| line).collect()
}

#[tokio::test]
async fn plain_is_said_where_it_is_offered_and_in_tls_alone() {
    for mode in [NextHopTlsMode::Encrypt, NextHopTlsMode::Opportunistic] {
        let hop = in_tls(Script::good().with_auth("LOGIN PLAIN XOAUTH2")).await;
        assert_eq!(sent(&Bench::new(), mode, &hop).await, TAKEN);
        let plain = format!("AUTH PLAIN {}", STANDARD.encode("\0us@example.com\0pässword"));
        let ehlo = "EHLO relay.example.com".to_owned();
        assert_eq!(commands(&hop)[..4], [ehlo.clone(), "STARTTLS".to_owned(), ehlo, plain]);
    }
}

#[tokio::test]
async fn login_is_said_where_plain_is_not_offered() {
    let hop = in_tls(Script::good().with_auth("LOGIN XOAUTH2")).await;
    assert_eq!(sent(&Bench::new(), NextHopTlsMode::Encrypt, &hop).await, TAKEN);
    let said = ["AUTH LOGIN".to_owned(), STANDARD.encode("us@example.com"), STANDARD.encode("pässword")];
    assert_eq!(commands(&hop)[3..6], said);
}

#[tokio::test]
async fn nothing_is_shown_in_clear_and_nothing_is_sent() {
    for mode in [NextHopTlsMode::Encrypt, NextHopTlsMode::Opportunistic] {
        let hop = Script::good().with_auth("PLAIN LOGIN").start().await.unwrap();
        assert_eq!(sent(&Bench::new(), mode, &hop).await, "451 4.7.10");
        assert_eq!(commands(&hop), ["EHLO relay.example.com"]);
    }
}

#[tokio::test]
async fn a_password_is_not_shown_to_a_server_that_wants_tokens() {
    let hop = in_tls(Script::good().with_auth("XOAUTH2")).await;
    assert_eq!(sent(&Bench::new(), NextHopTlsMode::Encrypt, &hop).await, "451 4.7.4");
    assert_eq!((hop.record().count("AUTH"), hop.record().count("MAIL")), (0, 0));
}

#[tokio::test]
async fn a_refusal_is_counted() {
    let hop =
        in_tls(Script::fault(postern_tests::next_hop::At::Auth, postern_tests::next_hop::Act::say("535 5.7.8 no")).with_auth("PLAIN"))
            .await;
    let bench = Bench::new();
    assert_eq!(sent(&bench, NextHopTlsMode::Encrypt, &hop).await, "451 4.7.8");
    assert_eq!((hop.record().count("AUTH"), bench.metric("postern_next_hop_failures_total{step=\"auth\"}")), (1, 1));
}

#[tokio::test]
async fn a_connection_serves_those_alone_who_show_the_same() {
    let hop = in_tls(Script::good().with_auth("PLAIN")).await;
    let bench = Bench::new();
    know(&bench, "one", "one", "secret");
    know(&bench, "same", "one", "secret");
    know(&bench, "two", "two", "secret");
    know(&bench, "other", "one", "other");
    for (credentials, connections) in [("one", 1), ("one", 1), ("same", 1), ("two", 2), ("other", 3), ("one", 3)] {
        assert_eq!(codes(&bench.send(&to(&bench, NextHopTlsMode::Encrypt, &hop, credentials), b"x\r\n").await), TAKEN);
        assert_eq!(hop.record().connections(), connections, "{credentials}");
    }
    let nobody = bench.destination(&hops(NextHopTlsMode::Encrypt, &[hop.address()]));
    assert_eq!(codes(&bench.send(&nobody, b"x\r\n").await), TAKEN);
    assert_eq!(hop.record().connections(), 4);
}

#[test]
fn an_error_in_a_file_names_the_file_and_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = [
        ("absent", None, "No such file or directory (os error 2)"),
        ("broken", Some(r#"{"mechanism":"hunter2""#), "not JSON as expected: line 1, column 22"),
        ("unknown", Some(r#"{"mechanism":"hunter2"}"#), "not JSON as expected: line 1, column 22"),
        (
            "nul",
            Some(r#"{"mechanism":"Password","username":"a","password":"hunter\u0000"}"#),
            "a name or password is empty or holds a control character",
        ),
        (
            "empty",
            Some(r#"{"mechanism":"Password","username":"","password":"hunter2"}"#),
            "a name or password is empty or holds a control character",
        ),
        (
            "http",
            Some(
                r#"{"mechanism":"XOAuth2","username":"a","tokenUrl":"http://hunter2/","scope":"","clientId":"b","grant":{"type":"ClientCredentials","clientSecret":"c"}}"#,
            ),
            "the token's address is no https address",
        ),
        (
            "key",
            Some(
                r#"{"mechanism":"XOAuth2","username":"a","tokenUrl":"https://i/","scope":"","clientId":"b","grant":{"type":"JwtBearer","privateKey":"hunter2","subject":"c"}}"#,
            ),
            "the private key is no RSA key in PEM",
        ),
    ];
    for (name, content, problem) in vectors {
        let file = credentials_file(name);
        if let Some(content) = content {
            fs::write(folder.path().join(&file), content).unwrap();
        }
        let next_hops = hops(NextHopTlsMode::Encrypt, &[([127, 0, 0, 1], 25).into()]);
        let target = RouteTarget::Hosts { next_hops, credentials: Some(name.to_owned()) };
        let way = Way { label: Label::Route("out"), target: &target, ehlo_name: None };
        let error = Loader::new(folder.path(), &root(folder.path())).load(&way).unwrap_err();
        assert_eq!(error.to_string(), format!("{file}: {problem}"));
    }
}
