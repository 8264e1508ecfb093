//! Holds many long messages at once, reads them back, and says what that took: the memory of the whole process above all.
//!
//! ```sh
//! cargo run --release --package postern-relay --example soak_messages -- --scratch DIRECTORY
//! ```
//!
//! It fails if a byte comes back wrong, if anything is not given back, or if the process ever takes more memory than `--most-memory-bytes`.

#[path = "../tests/support/content.rs"]
mod content;

use std::{fs, path::PathBuf, sync::Arc, time::Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use content::{is_stretch, stretch};
use mimalloc::MiMalloc;
use postern_relay::message::{Budgets, Message, Metrics, Store, Writer};
use prometheus_client::{encoding::text, registry::Registry};
use tokio::sync::Barrier;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Bytes of a piece, as a session reads them from its connection.
const PIECE_BYTES: usize = 16 * 1024;

#[derive(Clone, Parser)]
struct Load {
    /// Messages at once.
    #[arg(long, default_value_t = 500)]
    messages: usize,
    /// Bytes of each message.
    #[arg(long, default_value_t = 30_000_000)]
    message_bytes: usize,
    /// Memory for all of them.
    #[arg(long, default_value_t = 64 << 20)]
    memory_bytes: u64,
    /// Scratch directory, with room for all of them.
    #[arg(long)]
    scratch: PathBuf,
    /// Most memory that the process may ever take.
    #[arg(long, default_value_t = 256 << 20)]
    most_memory_bytes: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let load = Load::parse();
    let total = load.messages as u64 * load.message_bytes as u64;
    let mut registry = Registry::default();
    let budgets = Budgets { memory_bytes: load.memory_bytes, scratch_bytes: total };
    let store = Store::open(&load.scratch, budgets, Metrics::register(&mut registry)).context("scratch directory")?;
    let idle = peak_memory()?;

    let begun = Instant::now();
    let held = write_all(&store, &load).await?;
    report("written", total, begun);
    print_metrics(&registry)?;

    let begun = Instant::now();
    read_all(held, &load).await?;
    report("read", total, begun);
    let left = print_metrics(&registry)?;

    let peak = peak_memory()?;
    println!("peak memory {} KiB, of which {} KiB before the first message", peak >> 10, idle >> 10);
    ensure!(left == 0, "{left} messages were not given back");
    ensure!(peak <= load.most_memory_bytes, "over {} KiB of memory", load.most_memory_bytes >> 10);
    Ok(())
}

/// Writes all messages, piece by piece in turn, so that all are under way at once.
async fn write_all(store: &Store, load: &Load) -> anyhow::Result<Vec<Message>> {
    let all_begun = Arc::new(Barrier::new(load.messages));
    let mut tasks = Vec::new();
    for seed in 0..load.messages {
        let writer = store.writer(Some(load.message_bytes as u64))?;
        tasks.push(tokio::spawn(write(writer, seed, load.message_bytes, Arc::clone(&all_begun))));
    }
    let mut held = Vec::new();
    for task in tasks {
        held.push(task.await??);
    }
    Ok(held)
}

async fn write(mut writer: Writer, seed: usize, len: usize, all_begun: Arc<Barrier>) -> anyhow::Result<Message> {
    let mut at = 0;
    while at < len {
        let piece = stretch(seed, at, PIECE_BYTES.min(len - at));
        writer.append(piece).await?;
        if at == 0 {
            all_begun.wait().await;
        }
        at += piece.len();
        tokio::task::yield_now().await;
    }
    Ok(writer.finish().await?)
}

async fn read_all(held: Vec<Message>, load: &Load) -> anyhow::Result<()> {
    let len = load.message_bytes;
    let tasks: Vec<_> = held.into_iter().enumerate().map(|(seed, message)| tokio::spawn(read(message, seed, len))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn read(mut message: Message, seed: usize, len: usize) -> anyhow::Result<()> {
    let mut at = 0;
    while let Some(chunk) = message.next_chunk().await? {
        ensure!(is_stretch(seed, at, chunk), "message {seed} is wrong after byte {at}");
        at += chunk.len();
    }
    ensure!(at == len, "message {seed} ends at byte {at}");
    Ok(())
}

fn report(what: &str, bytes: u64, begun: Instant) {
    let took = begun.elapsed();
    println!("{what} {} MB in {:.1} s, {} MB/s", bytes / 1_000_000, took.as_secs_f64(), u128::from(bytes) / took.as_micros().max(1));
}

/// Prints the gauges and returns how many messages are held.
fn print_metrics(registry: &Registry) -> anyhow::Result<u64> {
    let mut lines = String::new();
    text::encode(&mut lines, registry)?;
    lines.lines().filter(|line| !line.starts_with('#')).for_each(|line| println!("  {line}"));
    let held = lines.lines().find_map(|line| line.strip_prefix("postern_messages_held "));
    Ok(held.context("no gauge of messages")?.parse()?)
}

/// The most memory that this process ever took, in bytes (`VmHWM`).
fn peak_memory() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim_end_matches("kB").trim().parse::<u64>()? << 10)
}
