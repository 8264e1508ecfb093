//! When there is no room, by the quota or on the volume, new mail is refused for now, nothing is lost, and all goes on when there is room again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::path::Path;

use common::{
    machine::Machine,
    mail::{assert_there, claim_at, content, entry, noon, open, put, put_len, small_segments},
};
use postern_spool::{BLOCK_BYTES, Claim, Local, MessageId, Settings, Spool, SpoolError, Writer, directory::Disk};

/// Puts messages in until the spool is full.
async fn fill<S: Spool>(spool: &S, len: usize) -> Vec<(MessageId, usize)> {
    let mut messages = Vec::new();
    loop {
        let entry = entry();
        let id = entry.id();
        match put(spool, entry, &content(id, len)).await {
            Ok(id) => messages.push((id, len)),
            Err(SpoolError::Full(_)) => return messages,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Finishes all but the last two messages.
async fn empty<S: Spool>(spool: &S, messages: &mut Vec<(MessageId, usize)>) {
    let kept = messages.split_off(messages.len() - 2);
    for claim in claim_at(spool, noon()).await {
        if !kept.iter().any(|(id, _)| *id == claim.entry().id()) {
            claim.finish().await.unwrap();
        }
    }
    *messages = kept;
}

/// Makes room and uses it: at least `least` messages go in again, and none is lost.
async fn refill<S: Spool>(spool: &S, mut messages: Vec<(MessageId, usize)>, len: usize, least: usize) {
    empty(spool, &mut messages).await;
    let more = fill(spool, len).await;
    assert!(more.len() >= least, "{} messages of {len} bytes", more.len());
    messages.extend(more);
    assert_there(spool, &messages).await;
}

#[tokio::test]
async fn by_the_quota() {
    for len in [500, 2 * BLOCK_BYTES] {
        let machine = Machine::new(0);
        let settings = Settings { quota_bytes: 1_000_000, ..small_segments() };
        let (spool, _) = Local::open(machine.directory(), settings).await.unwrap();
        let messages = fill(&spool, len).await;
        assert!(messages.len() >= 7, "{} messages of {len} bytes", messages.len());
        assert!(machine.used() <= 1_000_000 + BLOCK_BYTES, "{} bytes", machine.used());
        assert_there(&spool, &messages).await;
        spool.close().await;

        let (spool, _) = Local::open(machine.directory(), settings).await.unwrap();
        assert_there(&spool, &messages).await;
        refill(&spool, messages, len, 5).await;
    }
}

#[tokio::test]
async fn by_the_quota_before_the_content_is_sent() {
    let settings = Settings { quota_bytes: 10_000, ..small_segments() };
    let (spool, _) = Local::open(Machine::new(0).directory(), settings).await.unwrap();
    let mut other = spool.begin(entry()).await.unwrap();
    put_len(&spool, 9_000).await;
    while put(&spool, entry(), b"x").await.is_ok() {}
    put(&spool, entry(), &[b'x'; 100]).await.unwrap_err();
    // Content that is on its way is refused as soon as it is too much.
    let result = other.append(&vec![b'x'; 2 * BLOCK_BYTES]).await;
    assert!(matches!(result, Err(SpoolError::Full(_))), "{result:?}");
    assert!(matches!(other.append(b"x").await, Err(SpoolError::Unavailable(_))));
    assert!(matches!(other.commit().await, Err(SpoolError::Unavailable(_))));
}

#[tokio::test]
async fn by_the_volume_in_the_middle_of_a_write() {
    for capacity in (3_000..30_000).step_by(271) {
        let machine = Machine::new(0);
        let (spool, _) = open(&machine.directory()).await;
        machine.set_capacity(Some(machine.used() + capacity));
        let mut messages = fill(&spool, 700).await;
        assert_there(&spool, &messages).await;
        let (after, recovery) = open(&machine.after_power_loss().directory()).await;
        assert_there(&after, &messages).await;
        assert!(recovery.set_aside.iter().all(|part| part.torn));
        machine.set_capacity(None);
        messages.push((put_len(&spool, 900).await, 900));
        assert_there(&spool, &messages).await;
        let (after, recovery) = open(&machine.after_power_loss().directory()).await;
        assert_there(&after, &messages).await;
        assert!(recovery.set_aside.iter().all(|part| part.torn), "what was cut off is not between records: {recovery:?}");
    }
}

#[tokio::test]
async fn by_the_volume_when_it_is_opened() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    let mut messages = fill_to(&machine, &spool).await;
    let machine = machine.after_power_loss();
    machine.set_capacity(Some(machine.used()));
    let (spool, _) = open(&machine.directory()).await;
    assert_there(&spool, &messages).await;
    assert!(matches!(put(&spool, entry(), b"x").await, Err(SpoolError::Full(_))));
    machine.set_capacity(None);
    messages.push((put_len(&spool, 900).await, 900));
    assert_there(&spool, &messages).await;
}

async fn fill_to(machine: &Machine, spool: &Local) -> Vec<(MessageId, usize)> {
    machine.set_capacity(Some(machine.used() + 20_000));
    fill(spool, 300).await
}

#[tokio::test]
async fn and_what_is_delivered_meanwhile_makes_room() {
    let machine = Machine::new(0);
    let (spool, _) = open(&machine.directory()).await;
    machine.set_capacity(Some(100_000));
    let mut messages = fill(&spool, 700).await;
    empty(&spool, &mut messages).await;
    let more = fill(&spool, 700).await;
    assert!(more.len() > 50, "{} messages", more.len());
    messages.extend(more);
    assert_there(&spool, &messages).await;
}

/// A volume of 1 MiB, which only root can have; unmounted on drop.
struct Volume(tempfile::TempDir);

impl Volume {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = c"size=1m";
        match rustix::mount::mount("tmpfs", folder.path(), "tmpfs", rustix::mount::MountFlags::empty(), options) {
            Ok(()) => Some(Self(folder)),
            Err(error) => {
                println!("skipped: no volume can be mounted here: {error}");
                None
            }
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        rustix::mount::unmount(self.0.path(), rustix::mount::UnmountFlags::DETACH).unwrap();
    }
}

#[tokio::test]
async fn on_a_real_volume() {
    for len in [700, 2 * BLOCK_BYTES] {
        let Some(volume) = Volume::mount() else { return };
        real_volume(&volume.0.path().join("spool"), len).await;
    }
}

async fn real_volume(path: &Path, len: usize) {
    let directory = Disk::open(path).unwrap();
    let (spool, _) = open(&directory).await;
    let messages = fill(&spool, len).await;
    assert!(messages.len() >= 6, "{} messages of {len} bytes", messages.len());
    assert_there(&spool, &messages).await;
    spool.close().await;
    drop(spool);
    let (spool, _) = open(&directory).await;
    assert_there(&spool, &messages).await;
    refill(&spool, messages, len, 4).await;
}
