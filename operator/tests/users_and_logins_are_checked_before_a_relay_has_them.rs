//! What Secrets say of users, smart hosts and databases is checked before a relay has it: what is wrong is named with its key and its mend, a user
//! who is wrong locks nobody else out, and what is wrong with a route or a database leaves the relay as it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod support;

use postern_config::{Credentials, DatabaseTls, Grant, SenderPattern, User, material::user_file};
use postern_operator::{inventory::Inventory, material::Sealed, status::reasons_of};
use support::{find, inventory, secret};

const HASH: &str = "$2y$12$abcdefghijklmnopqrstuuKf5Rl8ByzkNq5h1pjnMTO0wCKdhcHYa";

/// A relay with two users, a smart host with a password, and a queue in a database.
const RELAY: &str = "apiVersion: postern.dev/v1alpha1
kind: SmtpRelay
metadata: {name: edge, namespace: mail}
spec:
  hostname: mx1.example.com
  listeners: [{name: out, role: Submission, port: 587}]
  auth: {users: {secretRefs: [{name: billing}, {name: crm}]}}
  routes: [{name: smart, smartHosts: [{host: smart.example.com}], credentialsRef: {name: login}}]
  spool: {storage: Postgres, postgres: {connectionRef: {name: queue}}}
";

const BILLING: [(&str, &str); 3] =
    [("username", "billing"), ("passwordHash", HASH), ("allowedSenders", "billing@example.com\n\n# reports\n<>\n@invoices.example.com")];
const CRM: [(&str, &str); 4] =
    [("username", "crm"), ("certificateNames", "CRM.example.com\ncrm@example.com"), ("allowedSenders", "*"), ("messagesPerMinute", "5")];
const LOGIN: [(&str, &str); 2] = [("username", "edge"), ("password", "s3cret")];
const QUEUE: [(&str, &str); 3] = [("host", "db.example.com"), ("database", "postern"), ("username", "relay")];

/// The resources, with one value of one Secret replaced; an empty one is left out.
fn with(name: &str, key: &str, value: &str) -> Inventory {
    let secrets = [("billing", &BILLING[..]), ("crm", &CRM[..]), ("login", &LOGIN[..]), ("queue", &QUEUE[..])];
    let manifests: Vec<_> = secrets
        .iter()
        .map(|(of, data)| {
            let is_meant = *of == name;
            let kept = data.iter().copied().filter(|(other, _)| !(is_meant && *other == key));
            let data: Vec<_> = kept.chain((is_meant && !value.is_empty()).then_some((key, value))).collect();
            secret(of, &data)
        })
        .collect();
    let all: Vec<_> = std::iter::once(RELAY).chain(manifests.iter().map(String::as_str)).collect();
    inventory(&all)
}

fn said(inventory: &Inventory) -> Vec<String> {
    let relay = inventory.relays.keys().next().unwrap();
    reasons_of(relay, &find(inventory)).into_iter().map(|(_, text)| text).collect()
}

fn users(inventory: &Inventory) -> Vec<User> {
    let findings = find(inventory);
    let users = &findings.relay.as_ref().unwrap().secrets.users;
    users.values().map(|user| user.open().unwrap().clone()).collect()
}

#[test]
fn what_is_right_is_compiled() {
    let inventory = with("", "", "");
    assert_eq!(said(&inventory), Vec::<String>::new());
    let [billing, crm] = &users(&inventory)[..] else { panic!("two users") };
    assert_eq!((billing.name.as_str(), billing.password_hash.as_deref(), billing.messages_per_minute), ("billing", Some(HASH), 60));
    let senders: Vec<_> = billing.allowed_senders.iter().map(ToString::to_string).collect();
    assert_eq!(senders, ["<>", "@invoices.example.com", "billing@example.com"]);
    assert_eq!(crm.certificate_names, ["crm.example.com", "crm@example.com"]);
    assert_eq!((crm.allowed_senders.as_slice(), crm.messages_per_minute), (&[SenderPattern::Any][..], 5));
    let findings = find(&inventory);
    let secrets = &findings.relay.as_ref().unwrap().secrets;
    let password = Credentials::Password { username: "edge".to_owned(), password: "s3cret".to_owned() };
    assert_eq!(secrets.credentials.values().collect::<Vec<_>>(), [&Sealed::Open(password)]);
    let database = secrets.database.as_ref().unwrap().1.open().unwrap();
    assert_eq!((database.port, database.tls, database.password.as_str()), (5432, DatabaseTls::Verify, ""));
}

#[test]
fn a_user_who_is_wrong_is_named_and_locks_nobody_else_out() {
    for (key, value, problem) in [
        ("username", "", "`username` is missing; add it: the name that the user authenticates with"),
        ("passwordHash", "hunter2", "`passwordHash` must be argon2id, bcrypt or a SCRAM-SHA-256 verifier"),
        ("passwordHash", "", "`passwordHash` is missing, and so is `certificateNames`"),
        ("allowedSenders", "", "`allowedSenders` is missing; add whom the user may send as"),
        ("allowedSenders", "a@example.com\nexample.com", "`allowedSenders` is wrong in line 2; write a mailbox"),
        ("allowedSenders", "*", "`allowedSenders` holds `*`, which is only for who must show a certificate"),
        ("certificateNames", "not a name", "`certificateNames` is wrong in line 1"),
        ("messagesPerMinute", "0", "`messagesPerMinute` is no whole number from 1 to 1000000"),
        ("username", "crm", "`username` is that of Secret mail/billing too"),
    ] {
        let inventory = with("billing", key, value);
        let [text] = &said(&inventory)[..] else { panic!("{key}: {:?}", said(&inventory)) };
        let (secret, left) =
            if value == "crm" { ("secretRefs[1]: Secret mail/crm", "billing") } else { ("secretRefs[0]: Secret mail/billing", "crm") };
        let begin = format!("spec.auth.users.{secret}: {problem}");
        assert!(text.starts_with(&begin) && text.ends_with("until then the user can't log in"), "{text}");
        let [user] = &users(&inventory)[..] else { panic!("one is left") };
        assert!(user.name == left || value == "crm", "{}", user.name);
    }
}

#[test]
fn a_user_whose_secret_is_gone_is_taken_out_of_the_configuration() {
    let mut inventory = with("", "", "");
    let names = |inventory: &Inventory| find(inventory).relay.unwrap().configuration.root.users.clone();
    let before = names(&inventory);
    inventory.secrets.retain(|key, _| key.name != "billing");
    assert_eq!(
        said(&inventory),
        [
            "spec.auth.users.secretRefs[0]: Secret mail/billing: is not there; create it, or change the reference; until then the user can't log in"
        ]
    );
    let after = names(&inventory);
    assert!(before.len() == 2 && after.len() == 1 && before.contains(&after[0]), "{before:?} {after:?}");
    assert!(find(&inventory).relay.unwrap().secrets.files().contains_key(&user_file(&after[0])));
}

#[test]
fn what_is_wrong_with_a_login_or_a_database_leaves_the_relay_as_it_is() {
    for (name, key, value, problem) in [
        ("login", "username", "", "spec.routes[0].credentialsRef: Secret mail/login: `username` is missing"),
        ("login", "password", "", "spec.routes[0].credentialsRef: Secret mail/login: `password` is missing; add it, or `tokenURL`"),
        (
            "login",
            "tokenURL",
            "https://issuer.example/token",
            "spec.routes[0].credentialsRef: Secret mail/login: `tokenURL` can't stand beside",
        ),
        ("queue", "host", "DB", "spec.spool.postgres.connectionRef: Secret mail/queue: `host` is neither"),
        ("queue", "port", "0", "spec.spool.postgres.connectionRef: Secret mail/queue: `port` is no port"),
        ("queue", "tls", "Perhaps", "spec.spool.postgres.connectionRef: Secret mail/queue: `tls` is none of"),
        ("queue", "ca.crt", "none", "spec.spool.postgres.connectionRef: Secret mail/queue: `ca.crt` holds no PEM block"),
        ("queue", "database", "", "spec.spool.postgres.connectionRef: Secret mail/queue: `database` is missing"),
    ] {
        let inventory = with(name, key, value);
        assert!(find(&inventory).relay.is_err(), "{name} {key}");
        let [text] = &said(&inventory)[..] else { panic!("{name} {key}: {:?}", said(&inventory)) };
        assert!(text.starts_with(problem), "{text}");
    }
}

#[test]
fn a_token_is_asked_for_with_a_secret_or_a_signature_and_over_tls_alone() {
    let token = |more: &[(&str, &str)]| {
        let mut inventory = with("", "", "");
        let base = [("username", "a@example.com"), ("tokenURL", "https://issuer.example/token"), ("clientID", "me")];
        let kept = base.iter().filter(|(key, _)| !more.iter().any(|(other, _)| other == key));
        let data: Vec<_> = kept.chain(more).copied().collect();
        let other = support::inventory(&[RELAY, &secret("login", &data)]);
        inventory.secrets.extend(other.secrets);
        inventory
    };
    let inventory = token(&[("clientSecret", "s3cret"), ("scope", "mail")]);
    let findings = find(&inventory);
    let secrets = &findings.relay.as_ref().unwrap().secrets;
    let Some(Credentials::XOAuth2 { scope, grant, .. }) = secrets.credentials.values().next().and_then(Sealed::open) else {
        panic!("no token")
    };
    assert_eq!((scope.as_str(), matches!(grant, Grant::ClientCredentials { .. })), ("mail", true));
    for (more, problem) in [
        (&[("tokenURL", "http://issuer.example/token"), ("clientSecret", "x")][..], "`tokenURL` is no address"),
        (&[("tokenURL", "https://me:secret@issuer.example/"), ("clientSecret", "x")], "`tokenURL` is no address"),
        (&[], "`clientSecret` is missing; add it, or `privateKey`"),
        (&[("privateKey", "none"), ("subject", "a@example.com")], "`privateKey` is no RSA key"),
        (&[("privateKey", "none"), ("clientSecret", "x")], "`privateKey` can't stand beside"),
    ] {
        let text = &said(&token(more))[0];
        assert!(text.contains(problem), "{text}");
    }
}

#[test]
fn nobody_sees_a_secret_who_looks_at_what_was_found() {
    let inventory = with("", "", "");
    let shown = format!("{:?}", find(&inventory));
    assert!(shown.contains("billing") && !shown.contains("s3cret") && !shown.contains(HASH));
}
