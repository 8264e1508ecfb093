//! A queue that is drained finishes what runs, begins nothing, and leaves the rest for the next start.

use std::{sync::Arc, time::Duration};

use postern_tests::{
    next_hop::{Act, At, Script},
    poll,
};
use tokio::sync::Notify;

use crate::stage::{Stage, accept, envelope};

#[tokio::test]
async fn what_runs_is_finished_and_what_waits_stays() {
    let go_on = Arc::new(Notify::new());
    let script = Script::fault(At::EndOfData, Act::When(Arc::clone(&go_on), Box::new(Act::Comply)));
    let hop = script.start().await.unwrap();
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().deliveries_per_destination = 1;
        accept(folder, "example.com", &hop);
    })
    .await;
    for _ in 0..3 {
        stage.put(envelope(&["jo@example.com"]), b"x\r\n").await;
    }
    stage.start();
    poll::until("a delivery to run", async || (hop.record().count("DATA") == 1).then_some(())).await.unwrap();
    let release = async {
        tokio::task::yield_now().await;
        go_on.notify_waiters();
        go_on.notify_one();
    };
    tokio::join!(stage.drain(poll::PATIENCE), release);
    assert_eq!(hop.record().messages().len(), 1);
    stage.reopen().await;
    assert_eq!(stage.queued().await.len(), 2);
}

#[tokio::test]
async fn what_takes_too_long_is_broken_off() {
    let hop = Script::fault(At::Rcpt, Act::Hang).start().await.unwrap();
    let mut stage = Stage::new(|folder| accept(folder, "example.com", &hop)).await;
    let id = stage.put(envelope(&["jo@example.com"]), b"x\r\n").await;
    stage.start();
    poll::until("a delivery to run", async || (hop.record().count("RCPT") == 1).then_some(())).await.unwrap();
    stage.drain(Duration::from_millis(50)).await;
    stage.reopen().await;
    let left = stage.queued().await;
    assert_eq!((left.len(), left[0].entry.id()), (1, id));
    assert!(left[0].entry.statuses()[0].failure().is_none());
}
