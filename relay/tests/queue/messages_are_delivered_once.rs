//! What the next hop takes is gone from the queue; what it puts off is tried again, and what it took is not.

use postern_tests::next_hop::{Act, At, Script};

use crate::stage::{Stage, accept, envelope, taken};

const CONTENT: &[u8] = b"Subject: Lunch\r\n\r\n.At one?\r\n";

#[tokio::test]
async fn a_message_arrives_to_the_letter_and_is_gone() {
    let hop = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.com", &hop)).await;
    stage.put(envelope(&["jo@example.com", "sam@example.com"]), CONTENT).await;
    stage.start();
    stage.is_empty().await;
    let messages = hop.record().messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content, CONTENT);
    assert_eq!(messages[0].rcpts, ["<jo@example.com>", "<sam@example.com>"]);
    assert_eq!(stage.metric("postern_queue_deliveries_total{result=\"delivered\",destination=\"domain_hosts\"}"), 2);
}

#[tokio::test]
async fn a_message_that_comes_while_the_queue_waits_is_delivered_at_once() {
    let hop = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.com", &hop)).await;
    stage.start();
    stage.put(envelope(&["jo@example.com"]), CONTENT).await;
    taken(&hop, 1).await;
    stage.is_empty().await;
}

#[tokio::test]
async fn what_is_put_off_is_tried_again() {
    let script = Script::new(|asked| match (asked.at, asked.connection, asked.taken) {
        (At::EndOfData, 0, 0) => Act::say("451 4.3.2 busy"),
        _ => Act::Comply,
    });
    let hop = script.start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.com", &hop)).await;
    let id = stage.put(envelope(&["jo@example.com"]), CONTENT).await;
    stage.start();
    let put_off = stage.when(id, "a failed attempt", |listed| listed.entry.statuses()[0].failure().is_some()).await;
    let failure = put_off.entry.statuses()[0].failure().unwrap();
    assert_eq!((failure.code, failure.enhanced, failure.text()), (451, (4, 3, 2), "busy"));
    assert_eq!(failure.by.as_deref(), Some("127.0.0.1"));
    stage.is_empty().await;
    assert_eq!(hop.record().messages().len(), 2);
}

#[tokio::test]
async fn many_messages_all_arrive_and_each_once() {
    let hop = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.com", &hop)).await;
    for number in 0..250 {
        stage.put(envelope(&[&format!("user{number}@example.com")]), CONTENT).await;
    }
    stage.start();
    stage.is_empty().await;
    let mut rcpts: Vec<_> = hop.record().messages().into_iter().flat_map(|message| message.rcpts).collect();
    rcpts.sort();
    rcpts.dedup();
    assert_eq!((rcpts.len(), hop.record().messages().len()), (250, 250));
}
