//! On a submission listener, a user authenticates after TLS, sends as its allowed senders, and what it sends is queued.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use common::{Client, Stage, shown};
use postern_config::{ListenerTls, NextHopTlsMode, OutboundRoute, Role, RouteMatch, RouteTarget, SenderPattern, User, material::user_file};
use postern_proto::reply::Reply;
use postern_spool::Origin;
use postern_tests::config::{RelayFolder, next_hops};

/// bcrypt of [`PASSWORD`], and argon2id.
const HASH: &str = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
const OTHER_HASH: &str = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHR2YWx1ZTEyMw$OxTHnyCmDigxzJ6G8486RvXWBFjOVPHj0YNHH5dSYjw";
const PASSWORD: &str = "correct horse";
const CONTENT: &str = "Subject: x\r\n\r\nx\r\n";

fn answer(_: u16, _: &str) -> Reply {
    Reply::new(250, (0, 0), "Ok")
}

fn billing() -> User {
    User {
        name: "billing".to_owned(),
        password_hash: Some(HASH.to_owned()),
        certificate_names: vec!["billing.apps.example.com".to_owned()],
        allowed_senders: vec![SenderPattern::parse("billing@example.com").unwrap()],
        messages_per_minute: 3,
    }
}

fn give(folder: &mut RelayFolder, user: &User) {
    std::fs::create_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path().join(user_file(&user.name)), serde_json::to_vec(user).unwrap()).unwrap();
    if !folder.root.users.contains(&user.name) {
        folder.root.users.push(user.name.clone());
    }
}

/// A relay with one listener for users, who reach the world through a smart host.
async fn stage() -> Stage {
    let change = |folder: &mut RelayFolder| {
        let listener = &mut folder.root.listeners[0];
        (listener.role, listener.tls) = (Role::Submission, ListenerTls::Implicit);
        folder.spool("mx");
        give(folder, &billing());
        let to = RouteTarget::from(next_hops(2002, NextHopTlsMode::Opportunistic));
        folder.root.routes.push(OutboundRoute { name: "world".to_owned(), matches: RouteMatch::default(), to, ehlo_name: None });
    };
    let mut stage = Stage::new(answer, change).with_queue().await;
    stage.tls = Some(shown(&[]));
    stage
}

async fn greeted(stage: &Stage) -> Client {
    let mut client = stage.connect().await;
    assert!(client.say("EHLO client.example").await.contains("AUTH "));
    client
}

fn plain(name: &str, password: &str) -> String {
    format!("AUTH PLAIN {}", BASE64_STANDARD.encode(format!("\0{name}\0{password}")))
}

#[tokio::test]
async fn who_authenticates_sends_as_its_senders_and_is_queued() {
    let stage = stage().await;
    let mut client = greeted(&stage).await;
    assert_eq!(client.say(&plain("billing", PASSWORD)).await, "235 2.7.0 Authentication succeeded\r\n");
    assert!(client.mail("<billing@example.com>", "<someone@example.net>", CONTENT).await.starts_with("250 2.0.0 Queued as "));
    assert_eq!(client.mail("<ceo@example.com>", "<someone@example.net>", CONTENT).await, "550 5.7.1 You may not send as this sender\r\n");
    assert!(client.say("MAIL FROM:<>").await.starts_with("550 5.7.1 "), "reports only where they are allowed");

    let queued = stage.queued().await;
    let [(envelope, content)] = queued.as_slice() else { panic!("{queued:?}") };
    assert_eq!(envelope.origin, Origin::Identity("billing".to_owned()));
    assert!(content.contains("\r\n\tby mx1.example.com with ESMTPSA id "), "{content}");
    assert!(content.contains("\r\nDate: ") && content.contains("\r\nMessage-ID: <"), "{content}");
}

#[tokio::test]
async fn who_does_not_sends_nothing() {
    let stage = stage().await;
    let mut client = greeted(&stage).await;
    assert!(client.say("MAIL FROM:<billing@example.com>").await.starts_with("530 5.7.0 "));
    assert_eq!(client.say(&plain("billing", "correct horses")).await, "535 5.7.8 Authentication credentials invalid\r\n");
    assert!(client.say("MAIL FROM:<billing@example.com>").await.starts_with("530 5.7.0 "));
    assert!(stage.queued().await.is_empty());
}

#[tokio::test]
async fn a_certificate_lets_a_user_in_where_it_is_the_users() {
    let mut stage = stage().await;
    assert!(!greeted(&stage).await.say("AUTH EXTERNAL =").await.starts_with("235 "), "without a certificate it is not offered");
    stage.tls = Some(shown(&["billing.apps.example.com"]));
    let mut client = greeted(&stage).await;
    assert!(client.say("AUTH EXTERNAL =").await.starts_with("235 "));
    assert!(client.mail("<billing@example.com>", "<someone@example.net>", CONTENT).await.starts_with("250 "));
    stage.tls = Some(shown(&["other.apps.example.com"]));
    assert!(greeted(&stage).await.say("AUTH EXTERNAL =").await.starts_with("535 "));
}

#[tokio::test]
async fn a_user_who_sends_too_many_has_to_wait() {
    let stage = stage().await;
    let mut client = greeted(&stage).await;
    client.say(&plain("billing", PASSWORD)).await;
    for _ in 0..3 {
        assert!(client.mail("<billing@example.com>", "<someone@example.net>", CONTENT).await.starts_with("250 "));
    }
    assert!(client.mail("<billing@example.com>", "<someone@example.net>", CONTENT).await.starts_with("451 4.7.1 "));
    let mut other = greeted(&stage).await;
    other.say(&plain("billing", PASSWORD)).await;
    assert!(other.say("MAIL FROM:<billing@example.com>").await.starts_with("451 4.7.1 "), "on whatever connection");
}

#[tokio::test]
async fn a_user_who_changes_is_another_from_the_next_message_on() {
    let mut stage = stage().await;
    let mut client = greeted(&stage).await;
    client.say(&plain("billing", PASSWORD)).await;
    assert!(client.mail("<billing@example.com>", "<someone@example.net>", CONTENT).await.starts_with("250 "));

    let moved = User { allowed_senders: vec![SenderPattern::parse("invoices@example.com").unwrap()], ..billing() };
    give(&mut stage.folder, &moved);
    stage.reload();
    assert!(client.say("MAIL FROM:<billing@example.com>").await.starts_with("550 5.7.1 "));
    assert!(client.mail("<invoices@example.com>", "<someone@example.net>", CONTENT).await.starts_with("250 "));

    give(&mut stage.folder, &User { password_hash: Some(OTHER_HASH.to_owned()), ..moved });
    stage.reload();
    assert!(client.say("MAIL FROM:<invoices@example.com>").await.starts_with("421 4.7.0 "), "the password is another one");
}
