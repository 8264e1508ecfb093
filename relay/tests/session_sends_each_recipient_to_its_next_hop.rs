//! One transaction has one next hop: who may join it, who comes again, and who is asked elsewhere.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod common;

use common::{MODE, Stage};
use postern_config::{Domain, DomainName, DomainType, RecipientValidation};
use postern_proto::reply::Reply;
use postern_tests::config::{RelayFolder, next_hops};

fn taken(_: u16, _: &str) -> Reply {
    Reply::new(250, (0, 0), "Taken")
}

fn two_domains(folder: &mut RelayFolder) {
    folder.accept("example.com", 2001, MODE).unwrap();
    folder.accept("example.org", 2002, MODE).unwrap();
    folder.accept("example.net", 2001, MODE).unwrap();
}

/// `split.example`: port 2001 knows the mailbox `new`, port 2002 all others.
fn split(folder: &mut RelayFolder) {
    let kind = DomainType::InternalRelay {
        next_hops: next_hops(2001, MODE),
        recipients: RecipientValidation::NextHop,
        unknown_recipients: next_hops(2002, MODE),
    };
    let name = DomainName::parse("split.example").unwrap();
    folder.domains.push(Domain { name, include_subdomains: false, kind, blocked: vec![] });
}

fn knows_new_alone(port: u16, asked: &str) -> Reply {
    match (port, asked) {
        (2001, "new@split.example") | (2002, _) => Reply::new(250, (0, 0), "Taken"),
        (_, "busy@split.example") => Reply::new(450, (2, 1), "Busy"),
        (_, "denied@split.example") => Reply::new(550, (7, 1), "Denied"),
        _ => Reply::new(550, (1, 1), "Unknown here"),
    }
}

#[tokio::test]
async fn recipients_of_other_next_hops_come_again() {
    let stage = Stage::new(taken, two_domains);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<a@client.example>").await;
    assert_eq!(client.say("RCPT TO:<u@example.com>").await, "250 2.0.0 Taken\r\n");
    assert!(client.say("RCPT TO:<u@example.org>").await.starts_with("452 4.5.3 "));
    assert_eq!(client.say("RCPT TO:<u@example.net>").await, "250 2.0.0 Taken\r\n");
    client.say("DATA").await;
    assert_eq!(client.say("Subject: one\r\n\r\nbody\r\n.").await, "250 2.0.0 Taken\r\n");
    client.say("MAIL FROM:<a@client.example>").await;
    assert_eq!(client.say("RCPT TO:<u@example.org>").await, "250 2.0.0 Taken\r\n");
    let heard = stage.next_hops.heard();
    let commands: Vec<_> = heard.iter().filter(|line| !line.contains("DATA")).map(String::as_str).collect();
    let expected = [
        "2001 MAIL <a@client.example>",
        "2001 RCPT <u@example.com>",
        "2001 RCPT <u@example.net>",
        "2002 MAIL <a@client.example>",
        "2002 RCPT <u@example.org>",
    ];
    assert_eq!(commands, expected);
}

#[tokio::test]
async fn a_refused_recipient_binds_no_next_hop() {
    fn first_refuses(port: u16, _: &str) -> Reply {
        if port == 2001 { Reply::new(550, (1, 1), "Unknown") } else { Reply::new(250, (0, 0), "Taken") }
    }
    let stage = Stage::new(first_refuses, two_domains);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    assert_eq!(client.say("RCPT TO:<u@example.com>").await, "550 5.1.1 Unknown\r\n");
    assert_eq!(client.say("RCPT TO:<u@example.org>").await, "250 2.0.0 Taken\r\n");
    let expected = ["2001 MAIL <>", "2001 RCPT <u@example.com>", "2001 abandoned", "2002 MAIL <>", "2002 RCPT <u@example.org>"];
    assert_eq!(stage.next_hops.heard(), expected);
}

#[tokio::test]
async fn limits_are_told_where_next_hops_differ_and_only_there() {
    let one = Stage::new(taken, |folder| folder.accept("example.com", 2001, MODE).unwrap());
    assert!(one.connect().await.say("EHLO client.example").await.ends_with("250 LIMITS RCPTMAX=100\r\n"));
    let two = Stage::new(taken, two_domains);
    assert!(two.connect().await.say("EHLO client.example").await.ends_with("250 LIMITS RCPTMAX=100 RCPTDOMAINMAX=1\r\n"));
}

#[tokio::test]
async fn recipients_that_the_first_hop_does_not_know_are_asked_of_the_other() {
    let stage = Stage::new(knows_new_alone, split);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    assert_eq!(client.say("RCPT TO:<old@split.example>").await, "250 2.0.0 Taken\r\n");
    // The transaction is with the other hop now: whom the first one may know comes again.
    assert!(client.say("RCPT TO:<new@split.example>").await.starts_with("452 4.5.3 "));
    client.say("RSET").await;
    client.say("MAIL FROM:<>").await;
    assert_eq!(client.say("RCPT TO:<new@split.example>").await, "250 2.0.0 Taken\r\n");
    assert!(client.say("RCPT TO:<old@split.example>").await.starts_with("452 4.5.3 "));
}

#[tokio::test]
async fn only_an_unknown_recipient_is_asked_of_the_other_hop() {
    let stage = Stage::new(knows_new_alone, split);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    assert_eq!(client.say("RCPT TO:<busy@split.example>").await, "450 4.2.1 Busy\r\n");
    assert_eq!(client.say("RCPT TO:<denied@split.example>").await, "550 5.7.1 Denied\r\n");
    assert!(stage.next_hops.heard().iter().all(|line| line.starts_with("2001 ")));
}
