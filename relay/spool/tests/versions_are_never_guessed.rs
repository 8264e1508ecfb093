//! What a program of another version wrote is read if it says that we may, and left alone otherwise.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    machine::Machine,
    mail::{assert_there, bytes_of, claim_at, entry, names, noon, only_segment, open, put_len, reopen, small_segments, with_segment},
};
use crc32c::crc32c;
use postern_spool::{Claim, Local, OpenError, Spool, SpoolError};

/// A segment with two messages.
async fn segment() -> (Vec<u8>, usize, [postern_spool::MessageId; 2]) {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let first = put_len(&spool, 1_000).await;
    let second_at = only_segment(&directory).len();
    let second = put_len(&spool, 20).await;
    (only_segment(&directory), second_at, [first, second])
}

/// Says in both copies of the prologue that the layout has this version and asks for that reader.
fn set_layout(bytes: &mut [u8], version: u16, min_reader: u16) {
    for copy in bytes[..1024].chunks_mut(512) {
        copy[8..10].copy_from_slice(&version.to_le_bytes());
        copy[10..12].copy_from_slice(&min_reader.to_le_bytes());
        let crc = crc32c(&copy[..508]);
        copy[508..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Says the same of the payload of the record at `start`.
fn set_payload(bytes: &mut [u8], start: usize, version: u8, min_reader: u8) {
    let header = &mut bytes[start..start + 80];
    header[14] = version;
    header[15] = min_reader;
    let crc = crc32c(&header[12..]);
    header[8..12].copy_from_slice(&crc.to_le_bytes());
}

#[tokio::test]
async fn a_log_of_an_unknown_layout_is_not_opened_and_not_touched() {
    for (version, min_reader) in [(0, 0), (2, 2), (9, 3)] {
        let (mut bytes, _, _) = segment().await;
        set_layout(&mut bytes, version, min_reader);
        let directory = with_segment(&bytes);
        let error = Local::open(directory.clone(), small_segments()).await.unwrap_err();
        assert!(matches!(error, OpenError::Version { version: found, .. } if found == version), "{error}");
        assert!(bytes_of(&directory, "log", "0000000001.log") == bytes);
        assert!(directory.subdirectory("corrupt").unwrap().names().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_next_version_is_read_where_it_allows_it() {
    let (mut bytes, second_at, [first, second]) = segment().await;
    set_layout(&mut bytes, 2, 1);
    set_payload(&mut bytes, second_at, 2, 1);
    let (spool, recovery) = open(&with_segment(&bytes)).await;
    assert_eq!(recovery.set_aside, []);
    assert_there(&spool, &[(first, 1_000), (second, 20)]).await;
}

#[tokio::test]
async fn a_message_of_an_unknown_version_is_left_alone_and_counted() {
    let (mut bytes, second_at, [_, second]) = segment().await;
    set_payload(&mut bytes, second_at, 2, 2);
    let directory = with_segment(&bytes);
    let (mut spool, _) = open(&directory).await;
    for _ in 0..3 {
        assert_eq!(spool.statistics().await.unwrap().unreadable, 1);
        assert!(matches!(spool.get(second).await, Err(SpoolError::Unreadable(_))));
        assert!(matches!(spool.hold(second).await, Err(SpoolError::Unreadable(_))));
        assert!(matches!(spool.begin(postern_spool::Entry::new(second, entry().envelope().clone())).await, Err(SpoolError::Exists(_))));
        assert!(!names(&spool).await.contains(&second));
        // Even when its record is moved elsewhere.
        for _ in 0..40 {
            put_len(&spool, 500).await;
            for claim in claim_at(&spool, noon()).await {
                claim.finish().await.unwrap();
            }
        }
        spool = reopen(spool, &directory).await.0;
    }
    assert!(!directory.subdirectory("log").unwrap().names().unwrap().contains(&"0000000001.log".to_owned()), "it was moved");
    spool.remove(second).await.unwrap();
    assert_eq!(spool.statistics().await.unwrap().unreadable, 0);
}
