//! Whatever stands in a segment, opening the spool neither panics nor invents anything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    machine::Machine,
    mail::{names, only_segment, open, put_len, small_segments, with_segment},
};
use postern_spool::{Local, Spool};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// A segment with a few messages.
async fn segment(complete: bool) -> Vec<u8> {
    let directory = Machine::new(0).directory();
    let (spool, _) = open(&directory).await;
    for len in [0, 100, 500] {
        put_len(&spool, len).await;
    }
    let id = put_len(&spool, 50).await;
    spool.hold(id).await.unwrap();
    spool.remove(put_len(&spool, 50).await).await.unwrap();
    if complete {
        spool.close().await;
    }
    only_segment(&directory)
}

/// Opens it and reads all that is there. More messages than were put in can't come out.
async fn try_all(bytes: &[u8]) {
    if let Ok((spool, recovery)) = Local::open(with_segment(bytes), small_segments()).await {
        assert!(recovery.messages <= 5);
        for id in names(&spool).await {
            if let Ok(body) = spool.body(id).await {
                drop(common::mail::read(body).await);
            }
        }
        let id = put_len(&spool, 10).await;
        assert!(names(&spool).await.contains(&id));
        spool.close().await;
    }
}

proptest! {
    #[test]
    fn nothing_but_noise(bytes in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        Runtime::new().unwrap().block_on(try_all(&bytes));
    }

    #[test]
    fn noise_behind_a_prologue(noise in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        Runtime::new().unwrap().block_on(async {
            let mut bytes = segment(false).await;
            bytes.truncate(1024);
            bytes.extend(noise);
            try_all(&bytes).await;
        });
    }

    #[test]
    fn parts_in_any_order(
        complete: bool,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..300), 1..6),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        Runtime::new().unwrap().block_on(async {
            let mut bytes = segment(complete).await;
            for (from, to, len) in cuts {
                let from = from.index(bytes.len());
                let part = bytes[from..bytes.len().min(from + len)].to_vec();
                let to = to.index(bytes.len());
                let end = bytes.len().min(to + part.len());
                bytes.splice(to..end, part);
            }
            for (at, mask) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            try_all(&bytes).await;
        });
    }
}
