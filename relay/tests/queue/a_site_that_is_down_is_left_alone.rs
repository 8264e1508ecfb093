//! A site that can't be reached is not asked for every message; when it is back, one finds out, and the others follow.

use std::net::SocketAddr;

use postern_config::RetryTimes;
use postern_tests::{next_hop::Script, port};

use crate::stage::{Stage, envelope, route, taken};

#[tokio::test]
async fn messages_wait_behind_the_block_and_are_delivered_when_the_site_is_back() {
    let address = SocketAddr::from(([127, 0, 0, 1], port::free().unwrap()));
    let mut stage = Stage::new(|folder| {
        folder.root.spool.as_mut().unwrap().deliveries_per_destination = 1;
        folder.root.routes.push(route("out", &[], address.port()));
    })
    .await;
    for _ in 0..20 {
        stage.put(envelope(&["jo@far.example"]), b"x\r\n").await;
    }
    stage.start();
    for listed in stage.queued().await {
        let waits = |listed: &postern_spool::Listed| listed.entry.statuses()[0].failure().is_some();
        let listed = stage.when(listed.entry.id(), "a reason to wait", waits).await;
        let failure = listed.entry.statuses()[0].failure().unwrap();
        assert_eq!((failure.code, failure.enhanced, failure.by.as_deref()), (451, (4, 4, 1), None));
    }
    assert_eq!(stage.metric("postern_queue_blocked_sites"), 1);
    let hop = Script::good().listen(address).await.unwrap();
    stage.is_empty().await;
    assert_eq!(taken(&hop, 20).await.len(), 20);
    assert_eq!(stage.metric("postern_queue_blocked_sites"), 0);
}

#[tokio::test]
async fn while_a_site_is_blocked_nobody_asks_it() {
    let dead = port::free().unwrap();
    let mut stage = Stage::new(|folder| {
        let rules = folder.root.spool.as_mut().unwrap();
        rules.deliveries_per_destination = 1;
        rules.retry = RetryTimes { first_seconds: 86_400, longest_seconds: 86_400 };
        folder.root.routes.push(route("out", &[], dead));
    })
    .await;
    stage.start();
    for number in 0..3 {
        let id = stage.put(envelope(&["jo@far.example"]), b"x\r\n").await;
        stage.when(id, "a reason to wait", |listed| listed.entry.statuses()[0].failure().is_some()).await;
        assert_eq!(stage.metric("postern_queue_attempts_total"), 1, "after message {number}");
    }
}
