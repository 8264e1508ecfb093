//! What a crash leaves of the last write is cut off, and everything before it is served.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    machine::Machine,
    mail::{assert_there, only_segment, open, put_len, reopen, with_segment},
};
use postern_spool::MessageId;

/// A segment with three messages, where the last of them begins, and the messages with their lengths.
async fn segment() -> (Vec<u8>, usize, [(MessageId, usize); 3]) {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let first = (put_len(&spool, 300).await, 300);
    let second = (put_len(&spool, 0).await, 0);
    let start = only_segment(&directory).len();
    let third = (put_len(&spool, 200).await, 200);
    (only_segment(&directory), start, [first, second, third])
}

#[tokio::test]
async fn at_every_byte_of_the_last_record() {
    let (bytes, start, messages) = segment().await;
    for end in start..bytes.len() {
        let directory = with_segment(&bytes[..end]);
        let (spool, recovery) = open(&directory).await;
        assert_eq!(recovery.set_aside.len(), usize::from(end > start), "cut at {end}");
        assert!(recovery.set_aside.iter().all(|part| part.torn && part.bytes == (end - start) as u64), "cut at {end}");
        assert_there(&spool, &messages[..2]).await;
        let fourth = put_len(&spool, 10).await;
        let (spool, recovery) = reopen(spool, &directory).await;
        assert_eq!((recovery.scanned, recovery.set_aside), (0, vec![]), "cut at {end}");
        assert_there(&spool, &[messages[0], messages[1], (fourth, 10)]).await;
    }
}

#[tokio::test]
async fn a_whole_end_is_kept() {
    let (bytes, _, messages) = segment().await;
    let (spool, recovery) = open(&with_segment(&bytes)).await;
    assert_eq!((recovery.messages, recovery.set_aside), (3, vec![]));
    assert_there(&spool, &messages).await;
}

#[tokio::test]
async fn zeros_behind_the_end_are_no_matter() {
    let (mut bytes, _, messages) = segment().await;
    bytes.resize(bytes.len() + 100_000, 0);
    let (spool, recovery) = open(&with_segment(&bytes)).await;
    assert_eq!(recovery.set_aside, []);
    assert_there(&spool, &messages).await;
}

#[tokio::test]
async fn anything_else_behind_the_end_is_set_aside() {
    let (mut bytes, _, messages) = segment().await;
    bytes.extend(b"Received: from nowhere\r\n".repeat(20_000));
    let directory = with_segment(&bytes);
    let (spool, recovery) = open(&directory).await;
    assert_eq!(recovery.set_aside.len(), 1);
    assert_there(&spool, &messages).await;
    let (_, recovery) = reopen(spool, &directory).await;
    assert_eq!(recovery.set_aside, []);
}

#[tokio::test]
async fn a_segment_that_was_only_begun_is_no_matter() {
    let (bytes, _, _) = segment().await;
    for end in 0..1024 {
        let directory = with_segment(&bytes[..end]);
        let (spool, recovery) = open(&directory).await;
        assert!(recovery.set_aside.iter().all(|part| part.torn), "cut at {end}");
        assert_eq!(recovery.messages, 0);
        let id = put_len(&spool, 10).await;
        assert_there(&reopen(spool, &directory).await.0, &[(id, 10)]).await;
    }
}
