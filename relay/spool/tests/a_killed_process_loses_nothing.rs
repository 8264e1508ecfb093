//! A process that is killed at any moment has lost nothing of which it had said that it is safe.
//!
//! `POSTERN_SPOOL_KILLS` says how often it is killed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::{
    folder::Folder,
    mail::{LEASE, assert_there, content, entry, names, noon, open, put, put_len},
};
use postern_spool::{Claim, Local, MessageId, Reach, Settings, Spool, directory::Disk};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

/// Tells the process that is killed where its spool is.
const CHILD: &str = "POSTERN_SPOOL_CHILD";

/// What the process says of a message. One worker may finish it before the one who put it in says so: what is later in this order counts.
const WORDS: [&str; 4] = ["putting", "put", "finishing", "finished"];

/// What the process does at once.
const WORKERS: u64 = 8;

fn say(what: &str, id: MessageId, len: usize) {
    // One write, so that the pipe has whole lines.
    std::io::stdout().write_all(format!("\n{what} {id} {len}\n").as_bytes()).unwrap();
}

/// Takes in messages and finishes them until it is killed, and tells its parent before it asks and when it was answered.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is the process that the other test kills"]
async fn the_process_that_is_killed() {
    let Ok(path) = env::var(CHILD) else { return };
    let (spool, _) =
        Local::open(Disk::open(Path::new(&path)).unwrap(), Settings { quota_bytes: u64::MAX, segment_bytes: 64 * 1024 }).await.unwrap();
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let spool = spool.clone();
        workers.spawn(async move {
            let mut chance = StdRng::seed_from_u64(worker);
            loop {
                let entry = entry();
                let (id, len) = (entry.id(), if chance.random_ratio(1, 10) { 150_000 } else { chance.random_range(0..20_000) });
                say("putting", id, len);
                put(&spool, entry, &content(id, len)).await.unwrap();
                say("put", id, len);
                for claim in spool.claim(Reach::Due, noon(), LEASE, 2).await.unwrap() {
                    let (id, len) = (claim.entry().id(), usize::try_from(claim.body_bytes()).unwrap());
                    if chance.random_ratio(4, 5) {
                        say("finishing", id, len);
                        claim.finish().await.unwrap();
                        say("finished", id, len);
                    }
                }
            }
        });
    }
    workers.join_all().await;
}

/// The last of [`WORDS`] that the process said of each message, and its length.
type Ledger = BTreeMap<MessageId, (usize, usize)>;

/// Runs the process on the folder, kills it after a while, and notes what it said.
fn run_and_kill(folder: &Folder, life: Duration, ledger: &mut Ledger) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["the_process_that_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, folder.path(""))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Its life begins with its first word.
    let mut note = |line: String| {
        let words: Vec<_> = line.split(' ').collect();
        let [what, id, len] = words[..] else { return false };
        let Some(word) = WORDS.iter().position(|word| *word == what) else { return false };
        let account = ledger.entry(id.parse().unwrap()).or_default();
        *account = (word.max(account.0), len.parse().unwrap());
        true
    };
    while !note(lines.next().unwrap().unwrap()) {}
    let pid = child.id();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(life);
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid.cast_signed()).unwrap(), rustix::process::Signal::KILL).unwrap();
    });
    for line in lines {
        note(line.unwrap());
    }
    killer.join().unwrap();
    assert!(!child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed() {
    let kills: u32 = env::var("POSTERN_SPOOL_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let folder = Folder::new();
    let mut chance = StdRng::seed_from_u64(0);
    let (mut kept, mut unannounced, mut undead, mut finished) = (0, 0, 0, 0);
    let mut ended = BTreeSet::new();
    for _ in 0..kills {
        let mut ledger = Ledger::new();
        run_and_kill(&folder, Duration::from_millis(chance.random_range(0..120)), &mut ledger);
        let (spool, recovery) = open(&folder.directory()).await;
        assert!(recovery.set_aside.iter().all(|part| part.torn), "{recovery:?}");
        let present = names(&spool).await;
        let unsure_before = unannounced + undead;
        for (id, (said, len)) in &ledger {
            let there = present.contains(id);
            let said = WORDS[*said];
            match said {
                "put" => assert!(there, "{id} is lost"),
                "finished" => assert!(!there, "{id} came back"),
                "putting" => unannounced += u64::from(there),
                _ => undead += u64::from(there),
            }
            finished += u32::from(said == "finished");
            if said == "finished" {
                ended.insert(*id);
            }
            if there {
                assert_there_with(&spool, *id, *len).await;
            }
        }
        assert!(present.iter().all(|id| !ended.contains(id)), "one that was finished came back");
        assert!(unannounced + undead - unsure_before <= WORKERS, "more is there, or back, than was in flight");
        kept += present.len();
        // So that the queue does not grow for ever.
        for id in present {
            spool.remove(id).await.unwrap();
            ended.insert(id);
        }
        assert_there(&spool, &[]).await;
        put_len(&spool, 100).await;
        spool.close().await;
    }
    println!("{kills} kills: {kept} kept, {finished} finished, {unannounced} there though not said, {undead} back though being finished");
    assert!(kept > 0 && finished > 0);
}

async fn assert_there_with(spool: &Local, id: MessageId, len: usize) {
    let found = common::mail::read(spool.body(id).await.unwrap()).await.unwrap();
    assert!(found == content(id, len), "content of {id}");
}
