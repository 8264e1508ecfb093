//! What reaches the next hop is what the client sent, whatever the next hop offers and however it answers.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

#[path = "support/handover.rs"]
mod handover;

use std::time::Duration;

use handover::{Bench, clear, codes, rcpt, utf8_sender};
use postern_proto::envelope::{BodyType, MailFrom};
use postern_relay::delivery::Transaction as _;
use postern_tests::next_hop::{Act, At, NextHop, Script};

const ALL: [&str; 5] = ["PIPELINING", "SIZE 1000000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];

/// Hands over one message with `mail`, and returns what the next hop saw of MAIL.
async fn mail_seen(offered: &[&str], mail: &MailFrom, content: &[u8]) -> String {
    let hop = Script::good().offering(offered).start().await.unwrap();
    let bench = Bench::new();
    let mut transaction = bench.outbound.begin(mail, &bench.destination(&clear(&[hop.address()])));
    assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), "250 2.1.5");
    assert_eq!(codes(&transaction.deliver(bench.message(content).await).await), "250 2.0.0");
    let [message] = hop.record().messages().try_into().unwrap();
    assert_eq!(message.content, content);
    message.mail
}

async fn arrives(hop: &NextHop, content: &[u8]) {
    let bench = Bench::new();
    assert_eq!(codes(&bench.send(&bench.destination(&clear(&[hop.address()])), content).await), "250 2.0.0");
    assert!(hop.record().messages().last().unwrap().content == content, "{} bytes", content.len());
}

#[tokio::test]
async fn content_arrives_to_the_letter() {
    let hop = Script::good().start().await.unwrap();
    let contents: [&[u8]; 6] =
        [b"", b"x\r\n", b".\r\n", b"..\r\n.\r\n.x\r\n", b"Subject: \xc3\xa9\r\n\r\n\xff\x00\r\n", b"a\r\n.\r\nQUIT\r\n"];
    for content in contents {
        arrives(&hop, content).await;
    }
}

#[tokio::test]
async fn content_of_any_size_arrives() {
    let hop = Script::good().start().await.unwrap();
    let line = b".0123456789 a line that begins with a dot, as every other one does\r\n";
    for lines in [900, 1_000, 5_000, 200_000] {
        arrives(&hop, &line.repeat(lines)).await;
    }
    arrives(&hop, &[&b"x".repeat(3_000_000)[..], b"\r\n"].concat()).await;
}

#[tokio::test]
async fn a_server_without_pipelining_gets_one_command_at_a_time() {
    let hop = Script::good().offering(&[]).start().await.unwrap();
    arrives(&hop, b"x\r\n").await;
}

#[tokio::test]
async fn replies_that_come_byte_by_byte_are_replies() {
    let hop = Script::new(|_| Act::Whisper(Duration::ZERO)).start().await.unwrap();
    arrives(&hop, b"x\r\n").await;
}

#[tokio::test]
async fn what_the_client_said_of_its_mail_is_passed_on_where_it_is_understood() {
    let mail = MailFrom { size: Some(12), body: Some(BodyType::EightBitMime), smtputf8: true, ..MailFrom::new(utf8_sender()) };
    assert_eq!(mail_seen(&ALL, &mail, "Subject: é\r\n".as_bytes()).await, "<sendér@example.com> SIZE=12 BODY=8BITMIME SMTPUTF8");
}

#[tokio::test]
async fn what_a_server_does_not_offer_is_not_asked_of_it_where_the_mail_does_not_need_it() {
    let mail = MailFrom { size: Some(12), body: Some(BodyType::EightBitMime), smtputf8: true, ..handover::mail() };
    assert_eq!(mail_seen(&[], &mail, b"Subject: e\r\n").await, "<sender@example.com>");
}

#[tokio::test]
async fn eight_bit_content_that_was_not_declared_is_declared() {
    assert_eq!(mail_seen(&ALL, &handover::mail(), b"Subject: \xe9\r\n").await, "<sender@example.com> BODY=8BITMIME");
}

#[tokio::test]
async fn a_message_of_just_the_size_that_is_offered_is_taken() {
    let hop = Script::good().offering(&["SIZE 10"]).start().await.unwrap();
    arrives(&hop, b"12345678\r\n").await;
}

#[tokio::test]
async fn a_refusal_is_heard_even_when_the_server_stops_reading_and_closes() {
    for refusal in ["552 5.3.4 too big", "451 4.3.0 disk"] {
        let hop = Script::fault(At::Content, Act::say_and_close(refusal)).start().await.unwrap();
        let bench = Bench::new();
        let reply = bench.send(&bench.destination(&clear(&[hop.address()])), &b"0123456789\r\n".repeat(2_000_000)).await;
        assert_eq!(reply.to_string(), refusal);
        assert!(hop.record().messages().is_empty());
    }
}

#[tokio::test]
async fn what_a_server_says_is_passed_on_without_what_could_harm() {
    let hop = Script::fault(At::Rcpt, Act::Write(b"550-5.1.1 no\x1b[31m one\r\n550 5.1.1 h\xc3\xa9re\r\n".to_vec())).start().await.unwrap();
    let bench = Bench::new();
    let reply = bench.send(&bench.destination(&clear(&[hop.address()])), b"x\r\n").await;
    assert_eq!((codes(&reply), reply.text.as_ref()), ("550 5.1.1".to_owned(), "no?[31m one\nh?re"));
}

#[tokio::test]
async fn a_positive_reply_is_passed_on_as_one_that_the_client_knows() {
    for (reply, passed_on) in [("251 2.1.5 forwarded", "251 2.1.5"), ("252 2.1.5 perhaps", "250 2.1.5"), ("250 fine", "250 2.1.5")] {
        let hop = Script::fault(At::Rcpt, Act::say(reply)).start().await.unwrap();
        let bench = Bench::new();
        let mut transaction = bench.begin(&bench.destination(&clear(&[hop.address()])));
        assert_eq!(codes(&transaction.rcpt(&rcpt("user")).await), passed_on);
        assert_eq!(codes(&transaction.deliver(bench.message(b"x\r\n").await).await), "250 2.0.0");
    }
}

#[tokio::test]
async fn a_refused_recipient_leaves_the_others_in_the_transaction() {
    let hop =
        Script::new(|asked| if asked.line.contains("gone") { Act::say("550 5.1.1 gone") } else { Act::Comply }).start().await.unwrap();
    let bench = Bench::new();
    let mut transaction = bench.begin(&bench.destination(&clear(&[hop.address()])));
    assert_eq!(codes(&transaction.rcpt(&rcpt("gone")).await), "550 5.1.1");
    assert_eq!(codes(&transaction.rcpt(&rcpt("there")).await), "250 2.1.5");
    assert_eq!(codes(&transaction.rcpt(&rcpt("gone-too")).await), "550 5.1.1");
    assert_eq!(codes(&transaction.deliver(bench.message(b"x\r\n").await).await), "250 2.0.0");
    assert_eq!(hop.record().messages()[0].rcpts, ["<there@example.com>"]);
}
