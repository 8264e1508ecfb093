//! One wrong bit costs the record in which it is and no other, and what was there is kept for somebody to look at.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::sync::Arc;

use common::{
    machine::Machine,
    mail::{
        assert_there, attempts, bytes_of, claim_at, claim_one, content, names, noon, only_file, only_segment, open, plant, put_len, read,
        reopen, set_attempts, with_segment,
    },
};
use postern_spool::{BLOCK_BYTES, Body, Claim, MessageId, Reach, Spool, SpoolError, directory::Directory};

/// A segment, its messages with their lengths, and where their records begin.
struct Segment {
    bytes: Vec<u8>,
    messages: Vec<(MessageId, usize)>,
    starts: Vec<usize>,
}

/// Three messages; `complete` says whether the segment has its footer.
async fn segment(complete: bool) -> Segment {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let (mut messages, mut starts) = (Vec::new(), Vec::new());
    for len in [400, 0, 300] {
        starts.push(if messages.is_empty() { 1024 } else { only_segment(&directory).len() });
        messages.push((put_len(&spool, len).await, len));
    }
    starts.push(only_segment(&directory).len());
    if complete {
        spool.close().await;
    }
    Segment { bytes: only_segment(&directory), messages, starts }
}

impl Segment {
    fn with_flipped_bit(&self, position: usize) -> Arc<dyn Directory> {
        let mut bytes = self.bytes.clone();
        bytes[position] ^= 1 << (position % 8);
        with_segment(&bytes)
    }

    /// The messages but for the one in whose record the position is.
    fn all_but(&self, position: usize) -> Vec<(MessageId, usize)> {
        let spans = self.starts.windows(2);
        self.messages.iter().zip(spans).filter(|(_, span)| !(span[0]..span[1]).contains(&position)).map(|(message, _)| *message).collect()
    }
}

#[tokio::test]
async fn wherever_the_bit_is_in_a_segment_that_was_in_use() {
    let segment = segment(false).await;
    for position in 0..segment.bytes.len() {
        let directory = segment.with_flipped_bit(position);
        let (spool, recovery) = open(&directory).await;
        let rest = segment.all_but(position);
        assert_there(&spool, &rest).await;
        assert_eq!(recovery.set_aside.len(), 3 - rest.len(), "bit in byte {position}");
        for part in &recovery.set_aside {
            let start = usize::try_from(part.offset).unwrap();
            let kept = bytes_of(&directory, "corrupt", &part.file);
            assert!(segment.starts.contains(&start) && kept.len() as u64 == part.bytes, "bit in byte {position}");
            let wrong: Vec<_> = kept.iter().zip(&segment.bytes[start..]).filter(|(kept, written)| kept != written).collect();
            assert_eq!(wrong.len(), 1, "bit in byte {position}");
        }
        let (spool, recovery) = reopen(spool, &directory).await;
        assert_eq!(recovery.set_aside, [], "it is reported once");
        assert_there(&spool, &rest).await;
    }
}

#[tokio::test]
async fn wherever_the_bit_is_in_a_segment_that_is_complete() {
    let segment = segment(true).await;
    for position in 0..segment.bytes.len() {
        let directory = segment.with_flipped_bit(position);
        let (spool, recovery) = open(&directory).await;
        // Only the footer is read at the start, unless the bit is there. A record is found corrupt when it is needed.
        let mut found = recovery.set_aside.len() as u64;
        let claims = claim_at(&spool, noon()).await;
        let mut whole = Vec::new();
        for claim in claims {
            let id = claim.entry().id();
            match read(claim.body().await.unwrap()).await {
                Ok(found) => whole.push((id, found.len())),
                Err(SpoolError::Corrupt { id: corrupt, .. }) => assert_eq!(corrupt, id),
                Err(error) => panic!("{error}"),
            }
        }
        whole.sort_unstable();
        assert_eq!(whole, segment.all_but(position), "bit in byte {position}");
        found = found.max(spool.statistics().await.unwrap().set_aside);
        assert!(found >= (3 - whole.len()) as u64, "bit in byte {position}");
        assert_there(&reopen(spool, &directory).await.0, &whole).await;
    }
}

#[tokio::test]
async fn a_message_that_passes_for_a_record_is_not_taken_for_one() {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let first = put_len(&spool, 10).await;
    let inner = only_segment(&directory)[1024..].to_vec();
    // The record of another spool, within the content of a message whose own header gets damaged.
    let other = Machine::new(0).directory();
    let (spool, _) = open(&other).await;
    common::mail::put(&spool, common::mail::entry(), &inner.repeat(3)).await.unwrap();
    let mut bytes = only_segment(&other);
    bytes[1024 + 9] ^= 1;
    let (spool, recovery) = open(&with_segment(&bytes)).await;
    assert_eq!(recovery.set_aside.len(), 1);
    assert!(!names(&spool).await.contains(&first));
    assert_there(&spool, &[]).await;
}

#[tokio::test]
async fn damaged_statuses_give_way_to_those_before() {
    for complete in [false, true] {
        let directory = Machine::new(0).directory();
        let (spool, _) = open(&directory).await;
        let id = put_len(&spool, 10).await;
        let mut claim = claim_one(&spool).await;
        set_attempts(&mut claim, 7).await.unwrap();
        if complete {
            spool.close().await;
        }
        let mut bytes = only_segment(&directory);
        let place = bytes.windows(12).rposition(|text| text == b"\"attempts\":7").unwrap();
        bytes[place] ^= 1;
        let directory = with_segment(&bytes);
        let (spool, recovery) = open(&directory).await;
        assert_eq!(attempts(claim_one(&spool).await.entry()), 0);
        // At the end of a segment that was in use it may as well be torn.
        assert_eq!(recovery.set_aside.len(), usize::from(!complete));
        assert_eq!(spool.statistics().await.unwrap().set_aside, u64::from(complete));
        spool.hold(id).await.unwrap();
        let (spool, recovery) = reopen(spool, &directory).await;
        assert_eq!(recovery.set_aside, []);
        assert!(spool.get(id).await.unwrap().held);
    }
}

#[tokio::test]
async fn a_file_with_content_that_is_damaged() {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let id = put_len(&spool, 3 * BLOCK_BYTES).await;
    let other = put_len(&spool, 10).await;
    let name = only_file(&directory, "body");
    let mut bytes = bytes_of(&directory, "body", &name);
    bytes[2 * BLOCK_BYTES + 5] ^= 1;
    plant(&directory, "body", &name, &bytes);

    let mut body = spool.body(id).await.unwrap();
    assert_eq!(body.next_chunk().await.unwrap().unwrap(), &content(id, BLOCK_BYTES)[..]);
    assert!(body.next_chunk().await.unwrap().is_some());
    assert!(matches!(body.next_chunk().await, Err(SpoolError::Corrupt { .. })));
    assert_there(&spool, &[(other, 10)]).await;
    assert_eq!(bytes_of(&directory, "corrupt", &name), bytes);
    assert!(directory.subdirectory("body").unwrap().names().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_with_content_that_is_cut_short_or_gone() {
    for gone in [false, true] {
        let directory = Machine::new(0).directory();
        let (spool, _) = open(&directory).await;
        let id = put_len(&spool, 3 * BLOCK_BYTES).await;
        let other = put_len(&spool, 10).await;
        spool.close().await;
        let name = only_file(&directory, "body");
        if gone {
            directory.subdirectory("body").unwrap().remove(&name).unwrap();
        } else {
            plant(&directory, "body", &name, &content(id, 2 * BLOCK_BYTES + 9));
        }
        let (spool, _) = open(&directory).await;
        let claims = claim_at(&spool, noon()).await;
        let claim = claims.iter().find(|claim| claim.entry().id() == id).unwrap();
        let result = match claim.body().await {
            Ok(body) => read(body).await,
            Err(error) => Err(error),
        };
        assert!(matches!(result, Err(SpoolError::Corrupt { .. })), "{result:?}");
        drop(claims);
        assert_there(&spool, &[(other, 10)]).await;
        assert!(spool.claim(Reach::All, noon(), common::mail::LEASE, 9).await.unwrap().len() == 1);
    }
}

#[tokio::test]
async fn content_without_its_record_is_kept_when_a_record_is_corrupt() {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    let id = put_len(&spool, 2 * BLOCK_BYTES).await;
    put_len(&spool, 10).await;
    let name = only_file(&directory, "log");
    let mut bytes = only_segment(&directory);
    bytes[1024 + 10] ^= 1;
    spool.close().await;
    plant(&directory, "log", &name, &bytes);
    let (_, recovery) = open(&directory).await;
    assert_eq!((recovery.messages, recovery.orphans, recovery.set_aside.len()), (1, 1, 2));
    assert!(bytes_of(&directory, "corrupt", &format!("{id}.body")) == content(id, 2 * BLOCK_BYTES));
}
