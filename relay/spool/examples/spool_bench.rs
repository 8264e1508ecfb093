//! How fast the engines are, on a disk and in a database, and what a long queue costs.
//!
//!     cargo run --release -p postern-spool --example spool_bench -- commit FOLDER [WRITERS] [BYTES] [SECONDS]
//!     cargo run --release -p postern-spool --example spool_bench -- fill FOLDER MESSAGES [BYTES]
//!     cargo run --release -p postern-spool --example spool_bench -- start FOLDER
//!     cargo run --release -p postern-spool --example spool_bench -- postgres HOST PORT DATABASE USER [WRITERS] [BYTES] [SECONDS]
//!
//! `commit` takes messages in and finishes them, each synced; `fill` makes a queue, and `start` opens it. `postgres` does what `commit` does, in a
//! database that trusts the user (or where `PGPASSWORD` is right), without TLS.

use std::{
    env, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::{Timestamp, ToSpan};
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{
    Claim, DsnRequest, Entry, Envelope, Local, MessageId, Origin, Postgres, Reach, Recipient, Settings, Spool, Writer, directory::Disk,
    postgres,
};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let number = |position: usize, default: u64| arguments.get(position).map_or(Ok(default), |text| text.parse());
    match (arguments.first().map(String::as_str), arguments.get(1)) {
        (Some("commit"), Some(folder)) => commit(open(Path::new(folder)).await?, number(2, 50)?, number(3, 10_240)?, number(4, 10)?).await,
        (Some("postgres"), Some(host)) => {
            let [port, database, user] = [2, 3, 4].map(|position| arguments.get(position).cloned().unwrap_or_default());
            let spool = open_postgres(host, port.parse()?, database, user).await?;
            commit(spool, number(5, 50)?, number(6, 10_240)?, number(7, 10)?).await
        }
        (Some("fill"), Some(folder)) => fill(Path::new(folder), number(2, 1_000_000)?, number(3, 2_048)?).await,
        (Some("start"), Some(folder)) => start(Path::new(folder)).await,
        _ => bail!("what is to be measured: commit, fill or start, and in which folder? Or postgres, and where?"),
    }
}

async fn open(folder: &Path) -> Result<Local> {
    let (spool, recovery) = Local::open(Disk::open(folder)?, Settings::for_quota(1 << 40)).await?;
    println!("{} messages in {} segments, {} of them scanned", recovery.messages, recovery.segments, recovery.scanned);
    Ok(spool)
}

async fn open_postgres(host: &str, port: u16, database: String, username: String) -> Result<Postgres> {
    let settings = postgres::Settings {
        host: host.to_owned(),
        port,
        database,
        username,
        password: env::var("PGPASSWORD").unwrap_or_default(),
        tls: postgres::Tls::Clear,
        connections: 10,
        queue: "bench/bench".to_owned(),
        worker: "bench".to_owned(),
        quota_bytes: None,
    };
    Ok(Postgres::open(settings).await?)
}

fn entry() -> Result<Entry> {
    let (reverse_path, _) = ReversePath::parse("<sender@example.org>")?;
    let (path, _) = ForwardPath::parse("<recipient@example.com>")?;
    let arrival = Timestamp::now();
    let envelope = Envelope {
        reverse_path,
        recipients: vec![Recipient::new(path)],
        body: None,
        smtputf8: false,
        dsn: DsnRequest::default(),
        arrival,
        expires: arrival + 120.hours(),
        listener: "submission".to_owned(),
        origin: Origin::Identity("billing".to_owned()),
    };
    Ok(Entry::new(MessageId::new(), envelope))
}

async fn put(spool: &impl Spool, content: &[u8]) -> Result<()> {
    let mut writer = spool.begin(entry()?).await?;
    writer.append(content).await?;
    writer.commit().await?;
    Ok(())
}

async fn commit(spool: impl Spool, writers: u64, bytes: u64, seconds: u64) -> Result<()> {
    let content = Arc::new(vec![b'x'; usize::try_from(bytes)?]);
    let finished = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (spool, content) = (spool.clone(), content.clone());
        tasks.spawn(async move {
            let (mut count, mut slowest) = (0_u64, Duration::ZERO);
            while Instant::now() < end {
                let begin = Instant::now();
                put(&spool, &content).await?;
                slowest = slowest.max(begin.elapsed());
                count += 1;
            }
            anyhow::Ok((count, slowest))
        });
    }
    for _ in 0..writers {
        let (spool, finished) = (spool.clone(), finished.clone());
        tasks.spawn(async move {
            while Instant::now() < end {
                for claim in spool.claim(Reach::Due, Timestamp::now(), Duration::from_hours(1), 10).await? {
                    claim.finish().await?;
                    finished.fetch_add(1, Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            anyhow::Ok((0, Duration::ZERO))
        });
    }
    let (mut commits, mut slowest) = (0, Duration::ZERO);
    while let Some(result) = tasks.join_next().await {
        let (count, longest) = result??;
        commits += count;
        slowest = slowest.max(longest);
    }
    let statistics = spool.statistics().await?;
    let rate = |count: u64| count / seconds.max(1);
    println!("{} commits/s of {bytes} bytes by {writers} writers, {} finished/s meanwhile", rate(commits), rate(finished.load(Relaxed)));
    println!(
        "{} syncs/s, {} changes per sync, slowest commit {slowest:?}",
        rate(statistics.syncs),
        statistics.changes / statistics.syncs.max(1)
    );
    spool.close().await;
    println!("{}", memory()?);
    Ok(())
}

async fn fill(folder: &Path, messages: u64, bytes: u64) -> Result<()> {
    const WRITERS: u64 = 500;
    let spool = open(folder).await?;
    let content = Arc::new(vec![b'x'; usize::try_from(bytes)?]);
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (spool, content) = (spool.clone(), content.clone());
        let share = messages / WRITERS + u64::from(writer < messages % WRITERS);
        tasks.spawn(async move {
            for _ in 0..share {
                put(&spool, &content).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(result) = tasks.join_next().await {
        result??;
    }
    println!("{messages} messages of {bytes} bytes in {:?}", begin.elapsed());
    spool.close().await;
    Ok(())
}

async fn start(folder: &Path) -> Result<()> {
    let begin = Instant::now();
    let spool = open(folder).await?;
    println!("open after {:?}", begin.elapsed());
    println!("{}", memory()?);
    let begin = Instant::now();
    let claims = spool.claim(Reach::Due, Timestamp::now(), Duration::from_hours(1), 1_000).await?;
    println!("{} claimed after {:?}", claims.len(), begin.elapsed());
    let statistics = spool.statistics().await?;
    println!("{} MiB of content in {} MiB", statistics.body_bytes >> 20, statistics.used_bytes >> 20);
    Ok(())
}

/// What the process takes now and has taken at most.
fn memory() -> Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).context("no memory in /proc/self/status");
    Ok(format!("resident {}, at most {}", line("VmRSS:")?, line("VmHWM:")?))
}
