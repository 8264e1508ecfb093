//! What happens to an open session when the configuration changes, the relay ends, or the client is slow.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod common;

use std::time::Duration;

use common::{MODE, Stage};
use postern_proto::reply::Reply;
use postern_tests::config::RelayFolder;

fn taken(_: u16, _: &str) -> Reply {
    Reply::new(250, (0, 0), "Taken")
}

fn one_domain(folder: &mut RelayFolder) {
    folder.accept("example.com", 2001, MODE).unwrap();
}

#[tokio::test]
async fn a_new_domain_counts_from_the_next_transaction_of_an_open_session() {
    let mut stage = Stage::new(taken, one_domain);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    assert!(client.say("RCPT TO:<u@example.org>").await.starts_with("550 5.7.1 "));
    stage.folder.accept("example.org", 2002, MODE).unwrap();
    stage.reload();
    assert!(client.say("RCPT TO:<u@example.org>").await.starts_with("550 5.7.1 "), "a transaction keeps what it began with");
    client.say("RSET").await;
    client.say("MAIL FROM:<>").await;
    assert_eq!(client.say("RCPT TO:<u@example.org>").await, "250 2.0.0 Taken\r\n");
}

#[tokio::test]
async fn a_relay_that_ends_finishes_the_transaction_and_then_says_421() {
    let stage = Stage::new(taken, one_domain);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    stage.ending.cancel();
    assert_eq!(client.say("RCPT TO:<u@example.com>").await, "250 2.0.0 Taken\r\n");
    assert!(client.say("DATA").await.starts_with("354 "));
    assert_eq!(client.say("Subject: last\r\n\r\nbody\r\n.").await, "250 2.0.0 Taken\r\n");
    assert!(client.reply().await.starts_with("421 4.3.2 "));
    assert!(client.was_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_a_command_byte_by_byte_wins_no_time() {
    let stage = Stage::new(taken, one_domain);
    let mut client = stage.connect().await;
    for byte in "EHLO ".chars() {
        tokio::time::sleep(Duration::from_secs(55)).await;
        client.send(&byte.to_string()).await;
    }
    assert!(client.reply().await.starts_with("421 4.4.2 "), "275 s of 300 are gone, and no more are won");
    assert!(client.was_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_in_the_middle_of_a_message_is_cut_and_the_next_hop_hears_nothing_of_it() {
    let stage = Stage::new(taken, one_domain);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<u@example.com>").await;
    client.say("DATA").await;
    client.send("Subject: half a message\r\n").await;
    assert!(client.reply().await.starts_with("421 4.4.2 "));
    assert!(client.was_closed().await);
    assert_eq!(stage.next_hops.heard(), ["2001 MAIL <>", "2001 RCPT <u@example.com>", "2001 abandoned"]);
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_a_message_leaves_nothing_behind() {
    let stage = Stage::new(taken, one_domain);
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<u@example.com>").await;
    client.say("DATA").await;
    client.send("Subject: half a message\r\n").await;
    client.hang_up().await;
    assert_eq!(stage.next_hops.heard(), ["2001 MAIL <>", "2001 RCPT <u@example.com>", "2001 abandoned"]);
}

#[tokio::test]
async fn what_cannot_be_held_is_refused_at_the_end_of_data_and_the_session_goes_on() {
    let stage = Stage::new(taken, |folder| {
        one_domain(folder);
        (folder.root.limits.message_bytes, folder.root.limits.memory_bytes, folder.root.limits.scratch_bytes) = (200_000, 1 << 20, 200_000);
    });
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<u@example.com>").await;
    client.say("DATA").await;
    let many = "Received: from a by b; Tue, 24 Nov 2026 12:00:00 +0000\r\n".repeat(101);
    assert!(client.say(&format!("{many}\r\nbody\r\n.")).await.starts_with("554 5.4.6 "));
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<u@example.com>").await;
    client.say("DATA").await;
    assert_eq!(client.say("Subject: small\r\n\r\nbody\r\n.").await, "250 2.0.0 Taken\r\n");
}

/// A next hop that takes a minute for each recipient.
#[tokio::test(start_paused = true)]
async fn a_client_that_pipelines_its_recipients_to_a_slow_next_hop_hears_of_each_in_time() {
    let stage = Stage::new(taken, one_domain).slow(Duration::from_secs(59));
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.send(&format!("MAIL FROM:<>\r\n{}", "RCPT TO:<u@example.com>\r\n".repeat(10))).await;
    for _ in 0..11 {
        let heard = tokio::time::timeout(Duration::from_mins(2), client.reply()).await;
        assert!(heard.is_ok_and(|reply| reply.starts_with("250 ")));
    }
}
