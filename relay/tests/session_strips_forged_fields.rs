//! What only we or the mail server may write is taken out of a message on its way, and counted; our own Received stands on top.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

mod common;

use common::{MODE, Stage};
use postern_proto::reply::Reply;

fn taken(_: u16, _: &str) -> Reply {
    Reply::new(250, (0, 0), "Taken")
}

#[tokio::test]
async fn the_next_hop_never_sees_a_forged_field_and_it_is_counted() {
    let stage = Stage::new(taken, |folder| folder.accept("example.com", 2001, MODE).unwrap());
    let mut client = stage.connect().await;
    client.say("EHLO client.example").await;
    client.say("MAIL FROM:<a@client.example>").await;
    client.say("RCPT TO:<u@example.com>").await;
    assert_eq!(client.say("DATA").await, "354 Go ahead, end with <CRLF>.<CRLF>\r\n");
    let message =
        " forged\r\nX-MS-Exchange-Organization-SCL: -1\r\n\tfolded\r\nSubject: kept\r\n\r\nX-MS-Exchange-Organization-SCL: body\r\n.";
    assert_eq!(client.say(message).await, "250 2.0.0 Taken\r\n");

    let heard = stage.next_hops.heard();
    let content = heard.iter().find_map(|line| line.strip_prefix("2001 DATA ")).unwrap();
    let (trace, rest) = content.split_at(content.find("Subject: ").unwrap());
    assert!(trace.starts_with("Received: from client.example ([192.0.2.1])\r\n") && trace.contains("by mx1.example.com with ESMTP id "));
    assert!(trace.contains("for <u@example.com>;") && !trace.contains("forged") && !trace.contains("X-MS"), "{trace}");
    assert_eq!(rest, "Subject: kept\r\n\r\nX-MS-Exchange-Organization-SCL: body\r\n");
    let counts = stage.counts();
    assert!(counts.contains("postern_header_fields_stripped_total{listener=\"mx\"} "), "{counts}");
    assert!(counts.contains("postern_messages_total{listener=\"mx\",outcome=\"delivered\"} 1"), "{counts}");
}
