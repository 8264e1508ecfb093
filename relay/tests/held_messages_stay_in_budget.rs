//! Whatever many clients send at once, the messages that are held never take more than the budgets, come back byte for byte, and give back
//! all that they took.

#![allow(clippy::expect_used, clippy::panic, reason = "functions that tests share are tests too")]

#[path = "support/content.rs"]
mod content;

use std::{
    fs,
    path::Path,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use content::{is_stretch, stretch};
use postern_proto::reply::Reply;
use postern_relay::message::{BLOCK_BYTES, Budgets, HoldError, Message, Metrics, Store, Writer};
use prometheus_client::{encoding::text, registry::Registry};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A store on a directory of its own, with its metrics.
struct Site {
    store: Store,
    registry: Registry,
    directory: TempDir,
}

impl Site {
    fn new(memory: usize, scratch: usize) -> Self {
        let directory = TempDir::new().expect("a directory");
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let store = Store::open(directory.path(), budgets(memory, scratch), metrics).expect("a store");
        Self { store, registry, directory }
    }

    /// The value of a metric.
    fn metric(&self, name: &str) -> usize {
        let mut lines = String::new();
        text::encode(&mut lines, &self.registry).expect("metrics");
        let value = lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in\n{lines}")).parse().expect("a number")
    }

    fn memory(&self) -> usize {
        self.metric("postern_message_memory_bytes")
    }

    fn scratch(&self) -> usize {
        self.metric("postern_message_scratch_bytes")
    }

    fn held(&self) -> usize {
        self.metric("postern_messages_held")
    }

    fn refusals(&self, cause: &str) -> usize {
        self.metric(&format!("postern_message_hold_refusals_total{{cause=\"{cause}\"}}"))
    }

    /// Waits until nothing is held: work that was cancelled ends on its own time.
    fn assert_all_given_back(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while (self.memory(), self.scratch(), self.held()) != (0, 0, 0) {
            let seen = (self.memory(), self.scratch(), self.held());
            assert!(Instant::now() < deadline, "still held: {seen:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn budgets(memory: usize, scratch: usize) -> Budgets {
    Budgets { memory_bytes: memory as u64, scratch_bytes: scratch as u64 }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// The content of message `seed`, whole.
fn whole(seed: usize, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        bytes.extend_from_slice(stretch(seed, bytes.len(), len - bytes.len()));
    }
    bytes
}

async fn write(mut writer: Writer, seed: usize, len: usize, piece: usize) -> Result<Message, HoldError> {
    let mut at = 0;
    while at < len {
        let next = stretch(seed, at, piece.min(len - at));
        writer.append(next).await?;
        at += next.len();
        tokio::task::yield_now().await;
    }
    writer.finish().await
}

async fn assert_reads(mut message: Message, seed: usize, len: usize) {
    assert_eq!(message.len(), len as u64);
    let mut at = 0;
    while let Some(chunk) = message.next_chunk().await.expect("a chunk") {
        assert!((1..=BLOCK_BYTES).contains(&chunk.len()));
        assert!(is_stretch(seed, at, chunk), "message {seed} at {at}");
        at += chunk.len();
    }
    assert_eq!(at, len);
}

fn enhanced(error: HoldError) -> String {
    let reply = Reply::from(error).to_string();
    reply.split_inclusive(' ').take(2).collect::<String>().trim_end().to_owned()
}

#[tokio::test]
async fn a_short_message_stays_in_memory() {
    let site = Site::new(MIB, MIB);
    let message = write(site.store.writer(None).expect("room"), 1, 10 * KIB, 1000).await.expect("held");
    assert_eq!((site.memory(), site.scratch(), site.held()), (16 * KIB, 0, 1));
    assert_reads(message, 1, 10 * KIB).await;
    site.assert_all_given_back();
}

#[tokio::test]
async fn a_declared_size_is_what_a_message_takes_of_memory() {
    let site = Site::new(MIB, MIB);
    let writer = |declared| site.store.writer(Some(declared)).expect("room");
    let held = [writer(0), writer(10_000), writer(100_000)];
    assert_eq!(site.memory(), 4 * KIB + 10_000 + KIB + BLOCK_BYTES);
    drop(held);
    site.assert_all_given_back();
}

#[tokio::test]
async fn a_long_message_takes_one_block_of_memory_and_a_file_without_a_name() {
    let site = Site::new(MIB, 2 * MIB);
    let message = write(site.store.writer(None).expect("room"), 1, MIB + 1, 3000).await.expect("held");
    assert_eq!((site.memory(), site.scratch(), site.held()), (BLOCK_BYTES, MIB + 1, 1));
    assert_eq!(fs::read_dir(site.directory.path()).expect("a directory").count(), 0);
    assert_reads(message, 1, MIB + 1).await;
    site.assert_all_given_back();
}

#[tokio::test]
async fn an_empty_message_is_a_message() {
    let site = Site::new(MIB, MIB);
    let mut message = site.store.writer(None).expect("room").finish().await.expect("held");
    assert!(message.is_empty());
    assert!(message.next_chunk().await.expect("an end").is_none());
}

#[tokio::test]
async fn one_byte_with_its_high_bit_set_makes_a_message_eight_bit() {
    let site = Site::new(MIB, MIB);
    for (pieces, expected) in [(["seven", "bit"], false), (["gr\u{fc}n", "seven"], true), (["seven", "gr\u{fc}n"], true)] {
        let mut writer = site.store.writer(None).expect("room");
        for piece in pieces {
            writer.append(piece.as_bytes()).await.expect("held");
        }
        assert_eq!(writer.finish().await.expect("held").is_eight_bit(), expected, "{pieces:?}");
    }
}

/// Ends a watch on drop, and so also when a test fails.
struct EndOfWatch<'a>(&'a AtomicBool);

impl Drop for EndOfWatch<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Many messages at once under a watch that sees every budget as it moves.
fn assert_stays_in_budget(messages: usize, len: usize, memory: usize) {
    let site = Site::new(memory, messages * len);
    let done = AtomicBool::new(false);
    let (most_memory, most_scratch) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = (0, 0);
            while !done.load(Ordering::Relaxed) {
                most = (most.0.max(site.memory()), most.1.max(site.scratch()));
                std::thread::yield_now();
            }
            most
        });
        let end = EndOfWatch(&done);
        runtime().block_on(hold_at_once(&site.store, messages, len));
        drop(end);
        watch.join().expect("a watch")
    });
    assert!((1..=memory).contains(&most_memory), "{most_memory} of {memory} bytes of memory");
    assert!((1..=messages * len).contains(&most_scratch), "{most_scratch} bytes of scratch");
    site.assert_all_given_back();
}

async fn hold_at_once(store: &Store, messages: usize, len: usize) {
    let mut written = Vec::new();
    for seed in 0..messages {
        let writer = store.writer(None).expect("room");
        written.push(tokio::spawn(write(writer, seed, len, 12_345)));
    }
    let mut held = Vec::new();
    for task in written {
        held.push(task.await.expect("a task").expect("held"));
    }
    let read: Vec<_> = held.into_iter().enumerate().map(|(seed, message)| tokio::spawn(assert_reads(message, seed, len))).collect();
    for task in read {
        task.await.expect("a task");
    }
}

#[test]
fn forty_messages_of_8_mb_pass_through_4_mib_of_memory() {
    assert_stays_in_budget(40, 8_000_000, 4 * MIB);
}

#[test]
fn when_memory_is_short_messages_go_to_scratch_in_smaller_blocks() {
    assert_stays_in_budget(100, 200_000, MIB);
}

#[tokio::test]
async fn what_came_in_small_blocks_is_read_in_whole_ones_once_there_is_memory() {
    let site = Site::new(64 * KIB, MIB);
    let others = [(); 3].map(|()| site.store.writer(None).expect("room"));
    let mut message = write(site.store.writer(None).expect("room"), 1, 200 * KIB, 3000).await.expect("held");
    assert_eq!(site.memory(), 3 * 16 * KIB + 4 * KIB);
    drop(others);
    site.store.set_budgets(budgets(MIB, MIB));
    assert_eq!(message.next_chunk().await.expect("a chunk").map(<[u8]>::len), Some(BLOCK_BYTES));
    assert_eq!(site.memory(), BLOCK_BYTES);
}

#[tokio::test]
async fn when_memory_is_spent_the_client_is_told_before_it_sends() {
    let site = Site::new(64 * KIB, MIB);
    let mut held = Vec::new();
    let refusal = loop {
        match site.store.writer(None) {
            Ok(writer) => held.push(writer),
            Err(error) => break error,
        }
    };
    assert_eq!(held.len(), 3 + 4, "three with 16 KiB, four with 4 KiB out of the reserve");
    assert_eq!(site.memory(), 64 * KIB);
    assert!(matches!(refusal, HoldError::MemorySpent));
    assert_eq!(enhanced(refusal), "452 4.3.1");
    assert_eq!(site.refusals("memory_spent"), 1);
    drop(held);
    site.assert_all_given_back();
    assert!(site.store.writer(None).is_ok());
}

#[tokio::test]
async fn when_scratch_is_spent_the_message_is_refused_and_spoilt() {
    let site = Site::new(MIB, 3 * BLOCK_BYTES);
    let mut writer = site.store.writer(None).expect("room");
    let refusal = writer.append(&whole(1, 5 * BLOCK_BYTES)).await.expect_err("no room");
    assert!(matches!(refusal, HoldError::ScratchSpent));
    assert_eq!(enhanced(refusal), "452 4.3.1");
    assert_eq!(site.memory(), 0, "what it took is free while the client is still sending");
    assert!(matches!(writer.append(b"more").await, Err(HoldError::Incomplete)));
    assert!(matches!(writer.finish().await, Err(HoldError::Incomplete)));
    assert_eq!(site.refusals("scratch_spent"), 1);
    site.assert_all_given_back();
}

#[tokio::test]
async fn a_declared_size_that_scratch_can_not_hold_is_refused_at_once() {
    let site = Site::new(MIB, MIB);
    assert!(matches!(site.store.writer(Some(MIB as u64 + 1)), Err(HoldError::ScratchSpent)));
    assert!(site.store.writer(Some(MIB as u64)).is_ok());
    site.store.set_budgets(budgets(MIB, 0));
    assert!(site.store.writer(Some(BLOCK_BYTES as u64)).is_ok(), "memory can hold it");
}

#[tokio::test]
async fn a_lower_budget_refuses_new_messages_and_keeps_those_it_has() {
    let site = Site::new(MIB, MIB);
    let message = write(site.store.writer(None).expect("room"), 1, 500 * KIB, 3000).await.expect("held");
    site.store.set_budgets(budgets(32 * KIB, 100 * KIB));
    assert_eq!(site.metric("postern_message_memory_limit_bytes"), 32 * KIB);
    assert_eq!(site.metric("postern_message_scratch_limit_bytes"), 100 * KIB);
    assert!(matches!(site.store.writer(None), Err(HoldError::MemorySpent)));
    assert_reads(message, 1, 500 * KIB).await;
    site.assert_all_given_back();
    site.store.set_budgets(budgets(MIB, MIB));
    assert!(site.store.writer(Some(800 * KIB as u64)).is_ok());
}

#[tokio::test]
async fn a_message_whose_sender_is_cancelled_at_any_step_gives_all_back_and_is_spoilt() {
    let site = Site::new(MIB, 2 * MIB);
    let long = whole(1, 300 * KIB);
    for polls in 1..12 {
        let mut writer = site.store.writer(None).expect("room");
        let cancelled = poll_times(writer.append(&long), polls).await;
        if cancelled {
            assert!(matches!(writer.append(b"more").await, Err(HoldError::Incomplete)), "cancelled after {polls} polls");
        }
        drop(writer);
        site.assert_all_given_back();
    }
}

/// Polls a future a few times, each time after what it waits for had time to happen, and drops it. Whether it was still unfinished.
async fn poll_times(future: impl Future<Output = Result<(), HoldError>>, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            done.expect("held");
            return false;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    true
}

#[tokio::test]
async fn a_message_that_is_dropped_half_read_gives_all_back() {
    let site = Site::new(MIB, MIB);
    let mut message = write(site.store.writer(None).expect("room"), 1, 500 * KIB, 3000).await.expect("held");
    assert!(message.next_chunk().await.expect("a chunk").is_some());
    drop(message);
    site.assert_all_given_back();
}

#[test]
fn a_directory_that_can_not_be_used_is_refused_at_the_start() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "mine").expect("a file");
    let opens = |path: &Path| Store::open(path, budgets(MIB, MIB), Metrics::default()).is_ok();
    assert!(!opens(&directory.path().join("missing")));
    assert!(!opens(&file));
    assert!(opens(directory.path()));
    assert_eq!(fs::read(&file).expect("still there"), b"mine", "what is not ours is left alone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_of_any_size_come_back_in_order(
        pieces in prop::collection::vec(prop_oneof![0..100_usize, 0..20_000_usize, 60_000..140_000_usize], 0..12),
        memory in prop::sample::select(vec![4 * KIB, 20 * KIB, 70 * KIB, MIB]),
        declared in prop::option::of(0..200_000_u64),
    ) {
        let site = Site::new(memory, 2 * MIB);
        let sent = whole(7, pieces.iter().sum());
        runtime().block_on(async {
            let mut writer = site.store.writer(declared).expect("room");
            let mut rest = sent.as_slice();
            for piece in pieces {
                let (next, after) = rest.split_at(piece);
                writer.append(next).await.expect("held");
                rest = after;
            }
            assert_reads(writer.finish().await.expect("held"), 7, sent.len()).await;
        });
        site.assert_all_given_back();
    }
}
