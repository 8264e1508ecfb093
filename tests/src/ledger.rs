//! An account of mail that clients submit: what they sent, what they were told, and what arrived in the end.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    client::{Client, Reply},
    load::message::{Bodies, Maker, verify},
    next_hop::Message,
    poll,
};

/// Whom all mail is from.
pub const SENDER: &str = "sender@client.example.net";
/// Whom all mail is to.
pub const RECIPIENT: &str = "user@bench.example.com";

/// Bytes of a body, and of each that is larger than what a relay holds in memory.
const SIZES: [usize; 2] = [1_000, 100_000];
/// One in so many is large.
const LARGE: u64 = 32;
/// How long a client waits before it comes back.
const PAUSE: Duration = Duration::from_millis(10);

/// What a client heard of a message, however it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing: the connection broke, or the client went away.
    Silence,
    /// 250 to the end of data.
    Accepted,
    /// A negative reply.
    Refused(Reply),
}

/// An account of messages by their number. Clones share it.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<u64, Word>>>);

/// Clients that submit until this is dropped.
pub struct Clients(JoinSet<()>);

/// What became of all messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Messages that clients began.
    pub submitted: usize,
    /// Those of them that were answered 250.
    pub accepted: usize,
    /// Those that were answered otherwise.
    pub refused: usize,
    /// Different messages that arrived.
    pub arrived: usize,
    /// Those of them that were not answered 250.
    pub unpromised: usize,
    /// Arrivals of a message that had arrived before.
    pub duplicates: usize,
}

impl Ledger {
    /// Lets `count` clients submit to `address`, each over a connection of its own. They come back when it breaks, and never send a message
    /// twice.
    #[must_use]
    pub fn submit(&self, address: SocketAddr, count: usize) -> Clients {
        let mut clients = JoinSet::new();
        let makers = Arc::new(SIZES.map(|size| Maker::new(size, Bodies::Distinct)));
        for _ in 0..count {
            let (ledger, makers) = (self.clone(), Arc::clone(&makers));
            clients.spawn(async move {
                loop {
                    // Connections may break at any moment: what was said before is in the ledger.
                    let _ = ledger.session(address, &makers).await;
                    sleep(PAUSE).await;
                }
            });
        }
        Clients(clients)
    }

    /// Waits until `count` more messages than now are accepted.
    pub async fn accepts(&self, count: usize) -> Result<()> {
        let wanted = self.count(&Word::Accepted) + count;
        poll::until("messages to be accepted", async || (self.count(&Word::Accepted) >= wanted).then_some(())).await
    }

    /// Waits until one more message than now is refused.
    pub async fn refuses(&self) -> Result<()> {
        let refused = || self.lock().values().filter(|word| word.is_refusal()).count();
        let before = refused();
        poll::until("a message to be refused", async || (refused() > before).then_some(())).await
    }

    /// Compares with what arrived. Fails when an accepted message did not, when anything arrived that was never sent or is not whole, and when
    /// a client was told anything but 250, or 421 or 451, which make it come back.
    pub fn audit<'a>(&self, arrived: impl Iterator<Item = &'a Message>) -> Result<Audit> {
        let ledger = self.lock();
        let mut arrivals = BTreeMap::<u64, usize>::new();
        for message in arrived {
            *arrivals.entry(number(message)?).or_default() += 1;
        }
        let strange: Vec<_> = arrivals.keys().filter(|number| !ledger.contains_key(number)).collect();
        ensure!(strange.is_empty(), "arrived, and were never sent: {strange:?}");
        let wrong = |word: &&Word| matches!(word, Word::Refused(reply) if !matches!(reply.code, 421 | 451));
        let wrong: Vec<_> = ledger.values().filter(wrong).collect();
        ensure!(wrong.is_empty(), "a good message was answered {wrong:?}");
        let is_accepted = |number: &u64| ledger.get(number) == Some(&Word::Accepted);
        let audit = Audit {
            submitted: ledger.len(),
            accepted: ledger.values().filter(|word| **word == Word::Accepted).count(),
            refused: ledger.values().filter(|word| word.is_refusal()).count(),
            arrived: arrivals.len(),
            unpromised: arrivals.keys().filter(|number| !is_accepted(number)).count(),
            duplicates: arrivals.values().sum::<usize>() - arrivals.len(),
        };
        let lost: Vec<_> = ledger.keys().filter(|number| is_accepted(number) && !arrivals.contains_key(number)).collect();
        ensure!(lost.is_empty(), "{audit}: {} were accepted and did not arrive: {lost:?}", lost.len());
        Ok(audit)
    }

    /// Submits on one connection until it breaks, or until the server wants no more.
    async fn session(&self, address: SocketAddr, makers: &[Maker; 2]) -> Result<()> {
        let mut client = Client::connect(address).await?;
        client.expect(220).await?;
        client.ask("EHLO client.example.net", 250).await?;
        loop {
            let number = self.begin();
            let reply = transaction(&mut client, &makers[usize::from(number % LARGE == LARGE - 1)].message(number)).await?;
            let is_accepted = reply.code == 250;
            self.lock().insert(number, if is_accepted { Word::Accepted } else { Word::Refused(reply) });
            if !is_accepted {
                return Ok(());
            }
        }
    }

    /// The number of a new message.
    fn begin(&self) -> u64 {
        let mut ledger = self.lock();
        let number = ledger.last_key_value().map_or(0, |(last, _)| last + 1);
        ledger.insert(number, Word::Silence);
        number
    }

    fn count(&self, word: &Word) -> usize {
        self.lock().values().filter(|heard| *heard == word).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Word>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Word {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl Clients {
    /// Ends them all, in the middle of what they do.
    pub async fn leave(mut self) {
        self.0.shutdown().await;
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submitted, accepted, refused, arrived, unpromised, duplicates } = self;
        write!(
            f,
            "{submitted} submitted, {accepted} accepted, {refused} refused; {arrived} arrived, {unpromised} of them not accepted; \
             {duplicates} duplicates"
        )
    }
}

/// The number of a message that arrived whole.
pub fn number(message: &Message) -> Result<u64> {
    let claim = verify(&message.content).context("a message arrived that was never sent")?;
    ensure!(claim.is_whole, "message {} is not whole", claim.number);
    Ok(claim.number)
}

/// One transaction: the first negative reply, or that to the end of data.
async fn transaction(client: &mut Client, message: &[u8]) -> Result<Reply> {
    for line in [&format!("MAIL FROM:<{SENDER}>"), &format!("RCPT TO:<{RECIPIENT}>"), "DATA"] {
        let reply = client.command(line).await?;
        if !reply.is_positive() {
            return Ok(reply);
        }
    }
    client.send(message).await?;
    client.reply().await
}
