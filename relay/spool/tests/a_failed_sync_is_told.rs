//! When a sync fails, those who waited for it hear so, nobody pretends later that it worked, and the spool goes on elsewhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::time::Duration;

use common::{
    machine::{Machine, SyncOf},
    mail::{assert_there, attempts, claim_one, entry, open, put, put_len, set_attempts},
};
use postern_spool::{BLOCK_BYTES, Claim, Spool, SpoolError};
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn of_the_log() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    let first = (put_len(&spool, 100).await, 100);
    for _ in 0..3 {
        machine.fail_syncs_of(SyncOf::File, 0, 1);
        assert!(matches!(put(&spool, entry(), b"x").await, Err(SpoolError::Unavailable(_))));
    }
    assert_there(&spool, &[first]).await;
    let second = (put_len(&spool, 200).await, 200);
    assert_there(&spool, &[first, second]).await;
    for seed in 0..20 {
        let (spool, recovery) = open(&machine.after_power_loss().directory()).await;
        assert_there(&spool, &[first, second]).await;
        assert!(recovery.set_aside.iter().all(|part| part.torn), "{seed}: {recovery:?}");
    }
    spool.close().await;
    assert_there(&open(&machine.directory()).await.0, &[first, second]).await;
}

#[tokio::test]
async fn of_the_directory_with_a_new_segment() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    machine.fail_syncs_of(SyncOf::Directory, 0, 1);
    assert!(matches!(put(&spool, entry(), b"x").await, Err(SpoolError::Unavailable(_))));
    let id = put_len(&spool, 100).await;
    for _ in 0..20 {
        assert_there(&open(&machine.after_power_loss().directory()).await.0, &[(id, 100)]).await;
    }
}

/// The file with its content is synced, the directory of that, the log, and the directory of the log.
#[tokio::test]
async fn of_a_large_message() {
    for (kind, good) in [(SyncOf::File, 0), (SyncOf::Directory, 0), (SyncOf::File, 1), (SyncOf::Directory, 1)] {
        let machine = Machine::new(0);
        let (spool, _) = open(&machine.directory()).await;
        machine.fail_syncs_of(kind, good, 1);
        let result = put(&spool, entry(), &vec![b'x'; 2 * BLOCK_BYTES]).await;
        assert!(matches!(result, Err(SpoolError::Unavailable(_))), "{kind:?} after {good} syncs: {result:?}");
        // Its file is removed, by a thread of its own.
        let removed = async {
            while !machine.directory().subdirectory("body").unwrap().names().unwrap().is_empty() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_mins(3), removed).await.unwrap();
        assert_there(&spool, &[]).await;
        let id = put_len(&spool, 2 * BLOCK_BYTES).await;
        assert_there(&open(&machine.after_power_loss().directory()).await.0, &[(id, 2 * BLOCK_BYTES)]).await;
    }
}

#[tokio::test]
async fn of_what_ends_a_message() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    let id = put_len(&spool, 100).await;
    machine.fail_syncs_of(SyncOf::File, 0, 1);
    assert!(matches!(claim_one(&spool).await.finish().await, Err(SpoolError::Unavailable(_))));
    // It is there still, and what is said of it from now on counts, whatever became of the record that was to end it.
    let mut claim = claim_one(&spool).await;
    set_attempts(&mut claim, 5).await.unwrap();
    for _ in 0..20 {
        let (spool, _) = open(&machine.after_power_loss().directory()).await;
        assert_there(&spool, &[(id, 100)]).await;
        assert_eq!(attempts(&spool.get(id).await.unwrap().entry), 5);
    }
}

#[tokio::test]
async fn again_and_again_until_the_volume_is_repaired() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    let id = put_len(&spool, 100).await;
    machine.fail_syncs(u32::MAX);
    for _ in 0..200 {
        assert!(matches!(put(&spool, entry(), b"x").await, Err(SpoolError::Unavailable(_))));
    }
    assert!(machine.directory().subdirectory("log").unwrap().names().unwrap().len() < 100);
    machine.fail_syncs(0);
    let other = put_len(&spool, 50).await;
    assert_there(&spool, &[(id, 100), (other, 50)]).await;
}
