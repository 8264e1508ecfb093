//! Tokens for smart hosts: asked of their issuer when they are needed, shown until shortly before their end, and never asked for in a storm.
//!
//! The issuer is trusted as the system trusts: each test runs in a process of its own, whose system is the test's folder.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;
#[path = "support/issuer.rs"]
mod issuer;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use handover::{Bench, codes, hops};
use issuer::{Answer, Form, Issuer};
use postern_config::{Credentials, Grant, NextHopTlsMode, RouteTarget, material::credentials_file};
use postern_relay::delivery::Destination;
use postern_tests::{
    next_hop::{Act, At, NextHop, Script},
    pki::Authority,
};
use tokio::{runtime::Runtime, task::JoinSet};

const TAKEN: &str = "250 2.0.0";
const NO_TOKEN: &str = "451 4.7.0";
const ROOTS: &str = "ROOTS_OF_THE_TEST";

/// Runs `test`, which is called `name`, in a process whose system trusts the CA that it writes to the path that it gets.
fn with_own_roots<T: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> T) {
    if let Some(roots) = env::var_os(ROOTS) {
        return Runtime::new().unwrap().block_on(test(roots.into()));
    }
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture"]).env(ROOTS, &roots).env("SSL_CERT_FILE", &roots).env_remove("SSL_CERT_DIR");
    assert!(child.status().unwrap().success());
}

/// An issuer, a smart host that wants tokens, and a relay that has credentials for both.
struct Scene {
    bench: Bench,
    issuer: Issuer,
    hop: NextHop,
    to: Arc<Destination>,
}

impl Scene {
    async fn set(roots: &Path, answer: Arc<Answer>, script: Script, grant: Grant) -> Self {
        let authority = Authority::new("issuer").unwrap();
        authority.write(roots).unwrap();
        let certificate = authority.server(&["localhost"]).unwrap();
        let issuer = Issuer::start(&certificate, answer).await;
        let hop = script.with_tls(certificate.server_config().unwrap()).with_auth("XOAUTH2").start().await.unwrap();
        let bench = Bench::new();
        let credentials = Credentials::XOAuth2 {
            username: "us@example.com".to_owned(),
            token_url: issuer.url(),
            scope: "https://outlook.test/.default".to_owned(),
            client_id: "relay & co".to_owned(),
            grant,
        };
        fs::write(bench.folder.path().join(credentials_file("us")), serde_json::to_vec(&credentials).unwrap()).unwrap();
        let target = RouteTarget::Hosts { next_hops: hops(NextHopTlsMode::Encrypt, &[hop.address()]), credentials: Some("us".to_owned()) };
        let to = bench.destination_of(&bench.root(), &target);
        Self { bench, issuer, hop, to }
    }

    async fn send(&self) -> String {
        codes(&self.bench.send(&self.to, b"x\r\n").await)
    }

    /// The tokens that the smart host was shown.
    fn shown(&self) -> Vec<String> {
        let commands = self.hop.record().commands();
        let shown = commands.iter().filter_map(|(_, line)| line.strip_prefix("AUTH XOAUTH2 "));
        shown
            .map(|line| {
                let said = String::from_utf8(STANDARD.decode(line).unwrap()).unwrap();
                said.strip_prefix("user=us@example.com\x01auth=Bearer ").unwrap().strip_suffix("\x01\x01").unwrap().to_owned()
            })
            .collect()
    }
}

fn secret() -> Grant {
    Grant::ClientCredentials { client_secret: "s3cr+t=&é".to_owned() }
}

/// Grants `token-0`, `token-1` and so on, each for an hour.
fn granting() -> Arc<Answer> {
    granting_for(3600)
}

fn granting_for(seconds: u64) -> Arc<Answer> {
    Arc::new(move |number| (200, granted(&format!("token-{number}"), seconds)))
}

fn granted(token: &str, seconds: u64) -> String {
    serde_json::json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds}).to_string()
}

/// A smart host that closes each connection after one message, so that each message needs a token.
fn forgetful() -> Script {
    Script::fault(At::Idle, Act::Close)
}

fn form(pairs: &[(&str, &str)]) -> Form {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_token_is_asked_for_with_the_clients_secret_and_kept() {
    with_own_roots("a_token_is_asked_for_with_the_clients_secret_and_kept", async |roots| {
        let scene = Scene::set(&roots, granting(), forgetful(), secret()).await;
        for _ in 0..3 {
            assert_eq!(scene.send().await, TAKEN);
        }
        let asked = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", "relay & co"),
            ("client_secret", "s3cr+t=&é"),
            ("scope", "https://outlook.test/.default"),
        ]);
        assert_eq!((scene.issuer.forms(), scene.shown()), (vec![asked], vec!["token-0".to_owned(); 3]));
    });
}

#[test]
fn a_token_is_asked_for_with_an_assertion_that_we_sign() {
    with_own_roots("a_token_is_asked_for_with_an_assertion_that_we_sign", async |roots| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let grant =
            Grant::JwtBearer { private_key: key.serialize_pem(), key_id: Some("key-1".to_owned()), subject: "us@example.com".to_owned() };
        let scene = Scene::set(&roots, granting(), Script::good(), grant).await;
        assert_eq!(scene.send().await, TAKEN);
        let [asked] = scene.issuer.forms().try_into().unwrap();
        assert_eq!(asked["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!(asked.keys().collect::<Vec<_>>(), ["assertion", "grant_type", "scope"]);

        let public = jsonwebtoken::DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_audience(&[scene.issuer.url()]);
        validation.set_issuer(&["relay & co"]);
        let assertion = jsonwebtoken::decode::<serde_json::Value>(&asked["assertion"], &public, &validation).unwrap();
        assert_eq!(assertion.header.kid.as_deref(), Some("key-1"));
        let claims = assertion.claims;
        assert_eq!((&claims["sub"], &claims["scope"]), (&"us@example.com".into(), &"https://outlook.test/.default".into()));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    });
}

#[test]
fn however_many_need_a_token_one_request_is_made() {
    with_own_roots("however_many_need_a_token_one_request_is_made", async |roots| {
        let scene = Arc::new(Scene::set(&roots, granting(), forgetful(), secret()).await);
        let mut sending = JoinSet::new();
        for _ in 0..16 {
            let scene = Arc::clone(&scene);
            sending.spawn(async move { scene.send().await });
        }
        assert_eq!(sending.join_all().await, vec![TAKEN; 16]);
        assert_eq!((scene.issuer.forms().len(), scene.shown().len()), (1, 16));
    });
}

#[test]
fn a_token_that_is_over_is_replaced() {
    with_own_roots("a_token_that_is_over_is_replaced", async |roots| {
        let scene = Scene::set(&roots, granting_for(0), forgetful(), secret()).await;
        for _ in 0..2 {
            assert_eq!(scene.send().await, TAKEN);
        }
        assert_eq!(scene.shown(), ["token-0", "token-1"]);
    });
}

#[test]
fn an_issuer_that_fails_is_left_in_peace_and_mail_waits() {
    with_own_roots("an_issuer_that_fails_is_left_in_peace_and_mail_waits", async |roots| {
        let answers = [
            (400, r#"{"error":"invalid_client"}"#.to_owned()),
            (401, "no".to_owned()),
            (503, String::new()),
            (302, granted("token", 3600)),
            (200, "not JSON".to_owned()),
            (200, r#"{"access_token":"token","token_type":"mac"}"#.to_owned()),
            (200, granted("", 3600)),
            (200, granted("a\u{1}b", 3600)),
            (200, granted("a b", 3600)),
            (200, granted(&"a".repeat(8 * 1024 + 1), 3600)),
            (200, granted("token", 3600) + &" ".repeat(64 * 1024)),
        ];
        for answer in answers {
            let given = answer.clone();
            let scene = Scene::set(&roots, Arc::new(move |_| given.clone()), Script::good(), secret()).await;
            for _ in 0..2 {
                assert_eq!(scene.send().await, NO_TOKEN, "{answer:?}");
            }
            assert_eq!((scene.issuer.forms().len(), scene.shown().len()), (1, 0), "{answer:?}");
            assert_eq!(scene.hop.record().count("MAIL"), 0);
        }
    });
}

#[test]
fn an_issuer_that_the_system_does_not_trust_is_not_asked() {
    with_own_roots("an_issuer_that_the_system_does_not_trust_is_not_asked", async |roots| {
        let issuer = Issuer::start(&Authority::new("stranger").unwrap().server(&["localhost"]).unwrap(), granting()).await;
        let scene = Scene::set(&roots, granting(), Script::good(), secret()).await;
        let file = scene.bench.folder.path().join(credentials_file("us"));
        let credentials = fs::read_to_string(&file).unwrap().replace(&scene.issuer.url(), &issuer.url());
        fs::write(&file, credentials).unwrap();
        let to = scene.bench.destination_of(&scene.bench.root(), scene.to.target());
        assert_eq!(codes(&scene.bench.send(&to, b"x\r\n").await), NO_TOKEN);
        assert_eq!((issuer.forms().len(), scene.shown().len()), (0, 0));
    });
}

/// Says what is wrong with a token as Google and Microsoft do, and takes those that `is_good` says.
fn choosy(is_good: impl Fn(usize) -> bool + Send + Sync + 'static) -> Script {
    let shown = AtomicUsize::new(0);
    Script::new(move |asked| match asked.at {
        At::Auth if asked.line.is_empty() => Act::say("535 5.7.8 Authentication unsuccessful"),
        At::Auth if !is_good(shown.fetch_add(1, Ordering::Relaxed)) => Act::say("334 eyJzdGF0dXMiOiI0MDEifQ=="),
        At::Idle => Act::Close,
        _ => Act::Comply,
    })
}

#[test]
fn a_kept_token_that_is_refused_is_replaced_once() {
    with_own_roots("a_kept_token_that_is_refused_is_replaced_once", async |roots| {
        let scene = Scene::set(&roots, granting(), choosy(|shown| shown != 1), secret()).await;
        for _ in 0..2 {
            assert_eq!(scene.send().await, TAKEN);
        }
        // The second message: the kept token is refused, the next one is taken, on the same connection.
        assert_eq!(scene.shown(), ["token-0", "token-0", "token-1"]);
        assert_eq!((scene.issuer.forms().len(), scene.hop.record().connections()), (2, 2));
    });
}

#[test]
fn a_new_token_that_is_refused_makes_the_mail_wait() {
    with_own_roots("a_new_token_that_is_refused_makes_the_mail_wait", async |roots| {
        let scene = Scene::set(&roots, granting(), choosy(|_| false), secret()).await;
        assert_eq!(scene.send().await, "451 4.7.8");
        assert_eq!((scene.shown().len(), scene.issuer.forms().len(), scene.hop.record().count("MAIL")), (1, 1, 0));
    });
}
