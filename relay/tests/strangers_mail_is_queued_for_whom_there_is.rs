//! A listener for anyone may queue what it takes; whether a recipient exists is known before: by a list, or because the next hop was asked.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::Stage;
use postern_config::{DomainType, NextHopTlsMode, RecipientList, RecipientValidation};
use postern_proto::reply::Reply;
use postern_spool::Origin;
use postern_tests::config::{RelayFolder, next_hops};

fn answer(_: u16, asked: &str) -> Reply {
    match asked {
        "nobody@example.com" => Reply::new(550, (1, 1), "No such user"),
        "later@example.com" => Reply::new(451, (4, 2), "Not now"),
        _ => Reply::new(250, (0, 0), "Ok"),
    }
}

async fn stage(change: impl FnOnce(&mut RelayFolder)) -> Stage {
    let configure = |folder: &mut RelayFolder| {
        folder.spool("mx");
        folder.accept("example.com", 2001, NextHopTlsMode::Opportunistic).unwrap();
        change(folder);
    };
    Stage::new(answer, configure).with_queue().await
}

async fn asked(stage: &Stage, recipient: &str) -> String {
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<stranger@client.example>").await;
    client.say(&format!("RCPT TO:{recipient}")).await
}

#[tokio::test]
async fn the_next_hop_is_asked_for_each_and_hears_no_more() {
    let stage = stage(|_| {}).await;
    assert!(asked(&stage, "<user@example.com>").await.starts_with("250 "));
    assert!(asked(&stage, "<nobody@example.com>").await.starts_with("550 5.1.1 "));
    assert!(asked(&stage, "<later@example.com>").await.starts_with("451 4.4.2 "));
    assert!(asked(&stage, "<user@example.net>").await.starts_with("550 5.7.1 "));
    let heard = stage.next_hops.heard();
    assert_eq!(heard.iter().filter(|line| line.ends_with(" abandoned")).count(), 3, "{heard:?}");

    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    let reply = client.mail("<stranger@client.example>", "<user@example.com>", "Subject: x\r\n\r\nx\r\n").await;
    assert!(reply.starts_with("250 2.0.0 Queued as "));
    assert_eq!(stage.queued().await[0].0.origin, Origin::Anyone);
    assert!(!stage.next_hops.heard().iter().any(|line| line.contains("DATA")));
}

#[tokio::test]
async fn where_a_list_knows_nobody_is_asked() {
    let stage = stage(|folder| {
        let recipients = RecipientValidation::List { list: "recipients-1.json".to_owned() };
        let next_hops = next_hops(2001, NextHopTlsMode::Opportunistic);
        folder.domains[0].kind = DomainType::Authoritative { next_hops, recipients };
        folder.recipients.insert("recipients-1.json".to_owned(), RecipientList { mailboxes: vec!["later@example.com".to_owned()] });
    })
    .await;
    assert!(asked(&stage, "<later@example.com>").await.starts_with("250 "));
    assert!(asked(&stage, "<user@example.com>").await.starts_with("550 5.1.1 "));
    assert!(stage.next_hops.heard().is_empty());
}
