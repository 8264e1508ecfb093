//! Whoever commits while a sync is under way shares the next one with all others who wait.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    machine::Machine,
    mail::{content, entry, names, open},
};
use postern_spool::{Spool, Writer};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_sessions_need_far_fewer_syncs_than_commits() {
    const SESSIONS: u64 = 50;
    const EACH: u64 = 40;
    let machine = Machine::new(0);
    // A sync takes its time on every real disk.
    machine.slow_syncs(std::time::Duration::from_millis(2));
    let (spool, _) = postern_spool::Local::open(machine.directory(), postern_spool::Settings::for_quota(u64::MAX)).await.unwrap();
    let before = machine.syncs();
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let spool = spool.clone();
        sessions.spawn(async move {
            for _ in 0..EACH {
                let entry = entry();
                let content = content(entry.id(), 1_000);
                let mut writer = spool.begin(entry).await.unwrap();
                writer.append(&content).await.unwrap();
                writer.commit().await.unwrap();
            }
        });
    }
    sessions.join_all().await;
    let syncs = machine.syncs() - before;
    println!("{syncs} syncs for {} commits", SESSIONS * EACH);
    assert!(syncs * 5 < SESSIONS * EACH, "{syncs} syncs");
    assert_eq!(names(&spool).await.len() as u64, SESSIONS * EACH);
    let statistics = spool.statistics().await.unwrap();
    assert_eq!(statistics.changes, SESSIONS * EACH);
    assert!(statistics.syncs <= syncs);
}

#[tokio::test]
async fn nothing_is_told_before_its_sync() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    for count in 1..20 {
        common::mail::put_len(&spool, 100).await;
        let (after, _) = open(&machine.after_power_loss().directory()).await;
        assert_eq!(names(&after).await.len(), count);
    }
}
