//! A message that is not what was stored never reaches its end at the next hop; its sender is told.

use std::fs;

use postern_tests::{next_hop::Script, poll};

use crate::stage::{Stage, accept, envelope, taken, text};

#[tokio::test]
async fn a_damaged_message_is_broken_off_set_aside_and_reported() {
    let hop = Script::good().start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    // Large enough for a file of its own, in which the last block is damaged.
    let content = b"0123456789\r\n".repeat(20_000);
    let id = stage.put(envelope(&["jo@example.com"]), &content).await;
    let file = stage.spool_folder().join(format!("body/{id}.body"));
    let mut damaged = fs::read(&file).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&file, damaged).unwrap();
    stage.start();
    let report = text(&taken(&home, 1).await[0]);
    stage.is_empty().await;
    assert!(report.contains("Status: 5.3.0") && report.contains("damaged") && !report.contains("0123456789"), "{report}");
    poll::until("the connection to be closed", async || (hop.record().closed() == 1).then_some(())).await.unwrap();
    assert!(hop.record().commands().iter().any(|(_, line)| line.starts_with("DATA")), "it was noticed on the way");
    assert_eq!(hop.record().messages(), []);
}

#[tokio::test]
async fn eight_bit_content_is_not_for_a_peer_that_does_not_take_it() {
    let hop = Script::good().offering(&["PIPELINING"]).start().await.unwrap();
    let home = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        accept(folder, "example.com", &hop);
        accept(folder, "example.org", &home);
    })
    .await;
    stage.put(envelope(&["jo@example.com"]), "Subject: ä\r\n\r\n".as_bytes()).await;
    stage.put(envelope(&["sam@example.com"]), b"Subject: a\r\n\r\n").await;
    stage.start();
    let report = text(&taken(&home, 1).await[0]);
    stage.is_empty().await;
    assert!(report.contains("Status: 5.6.3"), "{report}");
    assert_eq!(hop.record().messages().len(), 1);
}
