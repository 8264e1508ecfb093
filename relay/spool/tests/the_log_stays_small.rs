//! What is not needed any more makes room, however long a few messages stay among many that come and go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    machine::Machine,
    mail::{assert_there, attempts, claim_at, content, entry, names, noon, open, put, put_len, reopen, set_attempts},
};
use postern_spool::{Claim, MessageId, Spool};

/// Messages come and go.
async fn traffic<S: Spool>(spool: &S, count: usize) {
    for _ in 0..count {
        put_len(spool, 500).await;
        for claim in claim_at(spool, noon()).await {
            claim.finish().await.unwrap();
        }
    }
}

/// Puts in a message that stays: it is held.
async fn put_staying<S: Spool>(spool: &S, len: usize) -> (MessageId, usize) {
    let id = put_len(spool, len).await;
    spool.hold(id).await.unwrap();
    (id, len)
}

#[tokio::test]
async fn while_some_stay_and_many_pass() {
    let machine = Machine::new(0);
    let directory = machine.directory();
    let (mut spool, _) = open(&directory).await;
    let (mut staying, mut most) = (Vec::new(), 0);
    for round in 0..60 {
        staying.push(put_staying(&spool, 200 + round).await);
        traffic(&spool, 10).await;
        most = most.max(machine.used());
        if round % 7 == 0 {
            spool = reopen(spool, &directory).await.0;
            assert_there(&spool, &staying).await;
        }
    }
    let live: usize = staying.iter().map(|(_, len)| len + 800).sum();
    println!("at most {most} bytes for {live} that stay, after {} went through", 60 * 10 * 500);
    assert!(most < 2 * live + 6 * 8 * 1024, "{most} bytes");
    assert_eq!(spool.statistics().await.unwrap().used_bytes, machine.used() as u64);

    for (id, _) in staying.drain(..) {
        spool.remove(id).await.unwrap();
    }
    traffic(&spool, 20).await;
    let (spool, _) = reopen(spool, &directory).await;
    assert!(names(&spool).await.is_empty());
    // A segment is as long as the batch that filled it makes it, and how much gathers in one is up to the moment.
    assert!(machine.used() < 4 * 8 * 1024, "{} bytes for an empty queue", machine.used());
}

#[tokio::test]
async fn while_statuses_change_all_the_time() {
    let machine = Machine::new(0);
    let directory = machine.directory();
    let (mut spool, _) = open(&directory).await;
    let ids = [put_len(&spool, 300).await, put_len(&spool, 70_000).await];
    for attempt in 1..200 {
        for mut claim in claim_at(&spool, noon()).await {
            set_attempts(&mut claim, attempt).await.unwrap();
        }
        if attempt % 40 == 0 {
            spool = reopen(spool, &directory).await.0;
        }
    }
    for id in ids {
        assert_eq!(attempts(&spool.get(id).await.unwrap().entry), 199);
    }
    assert!(machine.used() < 70_300 + 6 * 8 * 1024, "{} bytes", machine.used());
}

#[tokio::test]
async fn and_nothing_that_was_taken_out_comes_back() {
    let machine = Machine::new(0);
    let directory = machine.directory();
    let (mut spool, _) = open(&directory).await;
    let mut staying = Vec::new();
    let mut gone = Vec::new();
    for round in 0..40 {
        // Graves in a segment whose other records are dead, of messages in segments that live on.
        let passing: Vec<_> = [put_len(&spool, 900).await, put_len(&spool, 900).await].into();
        staying.push(put_staying(&spool, 1_500).await);
        gone.extend(&passing);
        for id in passing {
            spool.remove(id).await.unwrap();
        }
        traffic(&spool, 3).await;
        if round % 5 == 4 {
            spool = reopen(spool, &directory).await.0;
            assert_there(&spool, &staying).await;
        }
        if round % 11 == 10 {
            let (id, _) = staying.remove(0);
            gone.push(id);
            spool.remove(id).await.unwrap();
        }
    }
    // One that came back on purpose goes for good, too.
    let back = postern_spool::Entry::new(gone[0], entry().envelope().clone());
    put(&spool, back, &content(gone[0], 10)).await.unwrap();
    spool.remove(gone[0]).await.unwrap();
    for _ in 0..30 {
        traffic(&spool, 5).await;
        spool = reopen(spool, &directory).await.0;
        assert_there(&spool, &staying).await;
    }
}

/// A message lies buried in a segment that lives on, while the segment that says so dies.
#[tokio::test]
async fn and_graves_outlive_their_segments() {
    let machine = Machine::new(0);
    let directory = machine.directory();
    let (mut spool, _) = open(&directory).await;
    let (mut staying, mut buried) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        // Each start begins a segment: this one has two messages that stay and one that goes.
        spool = reopen(spool, &directory).await.0;
        staying.push(put_staying(&spool, 2_000).await);
        let (passing, _) = put_staying(&spool, 500).await;
        staying.push(put_staying(&spool, 2_000).await);
        traffic(&spool, 12).await;
        spool.remove(passing).await.unwrap();
        buried.push(passing);
        traffic(&spool, 30).await;
        spool = reopen(spool, &directory).await.0;
        assert_there(&spool, &staying).await;
    }
    let live = staying.len() * 2_900;
    assert!(machine.used() < 2 * live + 6 * 8 * 1024, "{} bytes for {live}", machine.used());
    // One that comes back and goes again does not leave an older copy behind.
    for id in buried {
        let back = postern_spool::Entry::new(id, entry().envelope().clone());
        put(&spool, back, &content(id, 10)).await.unwrap();
        spool.hold(id).await.unwrap();
        traffic(&spool, 12).await;
        spool.remove(id).await.unwrap();
        traffic(&spool, 12).await;
        spool = reopen(spool, &directory).await.0;
        assert_there(&spool, &staying).await;
    }
}
