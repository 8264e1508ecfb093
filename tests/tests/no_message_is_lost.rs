//! A next hop that keeps breaking loses no message: whatever the relay said 250 to is stored behind it, whole.
//!
//! Senders keep a ledger of every reply to their end of data. Meanwhile `smtp-sink` is killed and started again and again, each time with
//! another fault: it refuses, or hangs up, at a step of the dialogue. What a sink wrote counts as stored unless that sink refuses the end of
//! data. When all is over, every accepted message must be stored. One that is stored though its sender heard of a failure is a possible
//! duplicate, which SMTP can't exclude (RFC 1047); these are counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt, fs,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use postern_config::ListenerTls;
use postern_tests::{
    client::{Client, Reply},
    port,
    relay::Relay,
    sink::Sink,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const SENDERS: u32 = 16;
/// How long a sink lives.
const LIFE: Duration = Duration::from_millis(400);
/// The faults that sinks are started with in turn; between two of them one has none, and is just killed.
const FAULTS: [&[&str]; 10] = [
    &["-f", "mail"],
    &["-r", "rcpt"],
    &["-q", "rcpt"],
    &["-q", "data"],
    &["-f", "data"],
    &["-q", "."],
    &["-f", "."],
    &["-r", "."],
    &["-q", "connect"],
    &["-f", "ehlo"],
];

/// What a sender and its how-manieth message are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    sender: u32,
    number: u32,
}

/// Whether the sender heard 250 to the end of data.
type Ledger = BTreeMap<Mark, bool>;

impl Mark {
    /// Header and body, lines ended by LF. One in sixteen is larger than what the relay holds in memory.
    fn content(self) -> String {
        let lines = if self.number % 16 == 15 { 4_000 } else { 10 };
        let line = format!("message {self}, a line of many\n");
        format!("Message-Id: <{self}@ledger.test>\n\n{}the end of {self}\n", line.repeat(lines))
    }

    /// The mark of a message that a sink wrote, when it is there whole.
    fn of(stored: &str) -> Option<Self> {
        let (_, rest) = stored.split_once("\nMessage-Id: <")?;
        let (sender, rest) = rest.split_once('.')?;
        let (number, _) = rest.split_once('@')?;
        let mark = Self { sender: sender.parse().ok()?, number: number.parse().ok()? };
        stored.trim_end().ends_with(mark.content().trim_end()).then_some(mark)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sender, self.number)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_accepted_is_stored_however_the_next_hop_breaks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let next_hop = port::free()?;
    let relay = Relay::start(next_hop, ListenerTls::StartTls, |_| Ok(())).await?;

    let end = Instant::now() + duration()?;
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send_until(end, sender, relay.client().await?));
    }
    let mut stored = break_until(end, next_hop, folder.path()).await?;
    let last = Sink::start(next_hop, &folder.path().join("last"), &[]).await?;
    let mut ledger = Ledger::new();
    while let Some(part) = senders.join_next().await {
        ledger.extend(part??);
    }
    stored.extend(whole(&last)?);
    relay.stop().await?;
    audit(&ledger, &stored)
}

/// `POSTERN_SOAK_SECONDS`, or long enough for every fault once.
fn duration() -> Result<Duration> {
    match env::var("POSTERN_SOAK_SECONDS") {
        Ok(seconds) => Ok(Duration::from_secs(seconds.parse().context("POSTERN_SOAK_SECONDS")?)),
        Err(_) => Ok(LIFE * 2 * u32::try_from(FAULTS.len())?),
    }
}

/// Starts and kills sinks until `end`. Returns what they stored; what a sink wrote and then refused is not stored.
async fn break_until(end: Instant, port: u16, folder: &Path) -> Result<BTreeSet<Mark>> {
    let mut stored = BTreeSet::new();
    for (number, faults) in FAULTS.iter().flat_map(|faults| [&[][..], *faults]).cycle().enumerate() {
        if Instant::now() >= end {
            break;
        }
        let folder = folder.join(format!("sink-{number}"));
        let replies = ["-b", "450 4.3.0 not now", "-B", "550 5.7.1 never"];
        let mut sink = Sink::start(port, &folder, &[&replies, faults].concat()).await?;
        sleep(LIFE).await;
        sink.kill().await?;
        if !matches!(faults, ["-f" | "-r", "."]) {
            stored.extend(whole(&sink)?);
        }
        fs::remove_dir_all(folder)?;
    }
    Ok(stored)
}

fn whole(sink: &Sink) -> Result<BTreeSet<Mark>> {
    Ok(sink.messages()?.iter().filter_map(|message| Mark::of(message)).collect())
}

/// Sends messages on one connection until `end`, and then until one is accepted. No fault of the next hop ends the session.
async fn send_until(end: Instant, sender: u32, mut client: Client) -> Result<Ledger> {
    let mut ledger = Ledger::new();
    for number in 0.. {
        let mark = Mark { sender, number };
        let accepted = send(&mut client, mark).await.with_context(|| format!("message {mark}"))?;
        ledger.insert(mark, accepted);
        if accepted && Instant::now() >= end {
            break;
        }
        if !accepted {
            // A real sender waits for longer before it tries again.
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(ledger)
}

/// One transaction; whether it was accepted.
async fn send(client: &mut Client, mark: Mark) -> Result<bool> {
    for line in ["MAIL FROM:<sender@client.test>", "RCPT TO:<alice@example.com>", "DATA"] {
        if !judged(&client.command(line).await?)? {
            client.ask("RSET", 250).await?;
            return Ok(false);
        }
    }
    client.send(mark.content().replace('\n', "\r\n")).await?;
    judged(&client.command(".").await?)
}

/// Whether a reply is positive. A failure must be the sink's own word, or 451 for a broken link.
fn judged(reply: &Reply) -> Result<bool> {
    ensure!(matches!(reply.code, 250 | 354 | 450 | 451 | 550), "the relay said {reply}");
    Ok(reply.is_positive())
}

fn audit(ledger: &Ledger, stored: &BTreeSet<Mark>) -> Result<()> {
    let accepted = ledger.iter().filter(|(_, accepted)| **accepted).count();
    let lost: Vec<_> = ledger.iter().filter(|(mark, accepted)| **accepted && !stored.contains(mark)).map(|(mark, _)| mark).collect();
    let doubtful = ledger.iter().filter(|(mark, accepted)| !**accepted && stored.contains(mark)).count();
    println!("{} messages: {accepted} accepted, {} of them lost; {doubtful} refused but stored", ledger.len(), lost.len());
    ensure!(lost.is_empty(), "{} messages were accepted, but not stored, among them {:?}", lost.len(), &lost[..lost.len().min(10)]);
    ensure!(accepted > 0 && accepted < ledger.len(), "the faults did not show, so the test proves nothing");
    Ok(())
}
