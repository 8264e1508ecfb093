//! A site that takes its time keeps its own messages waiting, and no others.

use postern_tests::next_hop::{Act, At, Script};

use crate::stage::{Stage, accept, envelope, taken};

#[tokio::test]
async fn messages_for_others_pass_by_those_that_wait() {
    let slow = Script::fault(At::Rcpt, Act::Hang).start().await.unwrap();
    let fast = Script::good().start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().deliveries_per_destination = 2;
        accept(folder, "slow.example", &slow);
        accept(folder, "fast.example", &fast);
    })
    .await;
    // More than are claimed at once, and all due before the others.
    for _ in 0..1100 {
        stage.put(envelope(&["jo@slow.example"]), b"x\r\n").await;
    }
    for _ in 0..10 {
        stage.put(envelope(&["jo@fast.example"]), b"x\r\n").await;
    }
    stage.start();
    taken(&fast, 10).await;
    assert!(slow.record().connections() <= 2, "{} connections to the slow site", slow.record().connections());
    assert_eq!(slow.record().messages(), []);
    let waiting = stage.queued().await;
    assert!(waiting.iter().all(|listed| listed.entry.statuses()[0].failure().is_none()), "waiting in line is no failed attempt");
}
