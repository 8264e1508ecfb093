//! A spool is opened once at a time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{
    folder::Folder,
    mail::{assert_there, open, put_len, small_segments},
};
use postern_spool::{Local, OpenError, Spool};

#[tokio::test]
async fn while_one_has_it_open() {
    let folder = Folder::new();
    let (spool, _) = open(&folder.directory()).await;
    let id = put_len(&spool, 10).await;
    for _ in 0..3 {
        assert!(matches!(Local::open(folder.directory(), small_segments()).await, Err(OpenError::InUse)));
    }
    assert_there(&spool, &[(id, 10)]).await;
    spool.close().await;
    // A clone that is left does not keep it.
    assert_there(&open(&folder.directory()).await.0, &[(id, 10)]).await;
}
