//! Mail that keeps coming from the Internet, with a ledger of what was answered.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::network::{Errand, Network};
use crate::{
    client::{Client, Trust},
    poll,
};

/// Messages of one connection: few, so that many connections are made.
const PER_CONNECTION: u32 = 5;
/// Before a sender comes again.
const PAUSE: Duration = Duration::from_millis(20);

/// What the senders were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Message-Ids of what was answered 250, without brackets.
    pub accepted: BTreeSet<String>,
    /// Replies that ask the sender to come again: 4xx.
    pub put_off: Vec<String>,
    /// Sessions that ended without a word.
    pub cut: Vec<String>,
    /// Connections that could not be made.
    pub unreachable: Vec<String>,
}

impl Ledger {
    /// Enters a session that went no further. The client takes 421 in place of what it expects for an error too.
    fn failed(&mut self, at: &str, error: &anyhow::Error) {
        let told = format!("{error:#}");
        let entries = if told.contains("421") { &mut self.put_off } else { &mut self.cut };
        entries.push(format!("{at}: {told}"));
    }

    /// Fails when a sender noticed anything but requests to come again.
    pub fn expect_no_interruption(&self) -> Result<()> {
        ensure!(self.cut.is_empty() && self.unreachable.is_empty(), "senders were cut off: {:?} {:?}", self.cut, self.unreachable);
        Ok(())
    }
}

/// Senders that run until they are stopped.
pub struct Traffic {
    errand: Errand<Ledger>,
    running: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
}

/// What is shown by AUTH.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// Who sends, and to whom.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where the senders connect.
    pub target: SocketAddr,
    /// Whom they log in as, where they do.
    pub login: Option<Login>,
    /// MAIL FROM.
    pub from: String,
    /// The recipients; a message has one of them, in turn.
    pub to: Vec<String>,
    /// Connections at once.
    pub senders: u32,
    /// Between two messages of a sender.
    pub pause: Duration,
    /// How long a sender waits for a connection, and for the end of a message, before it thinks that nobody is there any more.
    pub patience: Duration,
}

impl Route {
    /// Six strangers at `target` with mail for load@example.com, as fast as it goes.
    #[must_use]
    pub fn inbound(target: SocketAddr) -> Self {
        let [from, to] = ["sender@client.test", "load@example.com"].map(str::to_owned);
        Self { target, login: None, from, to: vec![to], senders: 6, pause: PAUSE, patience: poll::PATIENCE }
    }
}

/// What all senders share.
#[derive(Clone)]
struct Plan {
    name: String,
    route: Route,
    trust: Trust,
    running: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
}

impl Traffic {
    /// Starts senders; `name` distinguishes their messages.
    #[must_use]
    pub fn start(internet: &Network, name: &str, route: Route, trust: &Trust) -> Self {
        let (running, accepted) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let plan =
            Plan { name: name.to_owned(), route, trust: trust.clone(), running: Arc::clone(&running), accepted: Arc::clone(&accepted) };
        let errand = internet.start(|| send_all(plan));
        Self { errand, running, accepted }
    }

    /// Waits until as many more messages were accepted.
    pub async fn flows(&self, messages: u64) -> Result<()> {
        let goal = self.accepted.load(Ordering::Relaxed) + messages;
        poll::until("mail to flow", async || (self.accepted.load(Ordering::Relaxed) >= goal).then_some(())).await
    }

    /// Ends the senders, each after its message.
    pub async fn stop(self) -> Result<Ledger> {
        self.running.store(false, Ordering::Relaxed);
        self.errand.end().await
    }
}

async fn send_all(plan: Plan) -> Result<Ledger> {
    let mut senders = JoinSet::new();
    for sender in 0..plan.route.senders {
        senders.spawn(send(plan.clone(), sender));
    }
    let mut ledger = Ledger::default();
    while let Some(part) = senders.join_next().await {
        let part = part??;
        ledger.accepted.extend(part.accepted);
        ledger.put_off.extend(part.put_off);
        ledger.cut.extend(part.cut);
        ledger.unreachable.extend(part.unreachable);
    }
    Ok(ledger)
}

/// One sender: connection after connection.
async fn send(plan: Plan, sender: u32) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut number = 0;
    while plan.running.load(Ordering::Relaxed) {
        match in_time(&plan, Client::connect(plan.route.target)).await {
            Err(error) => ledger.unreachable.push(format!("{error:#}")),
            Ok(client) => match in_time(&plan, let_in(&plan, client)).await {
                Ok(client) => converse(&plan, client, sender, &mut number, &mut ledger).await?,
                Err(error) => ledger.failed("greeting", &error),
            },
        }
        sleep(PAUSE).await;
    }
    Ok(ledger)
}

/// What a sender does, as long as it has patience.
async fn in_time<T>(plan: &Plan, step: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(plan.route.patience, step).await.context("nobody is there")?
}

/// Begins a session, and logs in where the plan has a login.
async fn let_in(plan: &Plan, client: Client) -> Result<Client> {
    let mut client = client.greeted(&plan.trust).await?;
    if let Some(Login { user, password }) = &plan.route.login {
        client.log_in(user, password).await?;
    }
    Ok(client)
}

/// Sends a few messages on a connection, as long as it lasts.
async fn converse(plan: &Plan, mut client: Client, sender: u32, number: &mut u32, ledger: &mut Ledger) -> Result<()> {
    for _ in 0..PER_CONNECTION {
        *number += 1;
        let id = format!("{}.{sender}.{number}@load.test", plan.name);
        let Route { from, to, .. } = &plan.route;
        let recipient = &to[*number as usize % to.len()];
        let content = format!("From: <{from}>\r\nMessage-Id: <{id}>\r\nSubject: load\r\n\r\n{}", "a line of many\r\n".repeat(200));
        let reply = match in_time(plan, client.mail(from, recipient, &content)).await {
            Ok(reply) => reply,
            Err(error) => {
                ledger.failed(&id, &error);
                return Ok(());
            }
        };
        ensure!(reply.code < 500, "{id} was answered {reply}");
        if !reply.is_positive() {
            ledger.put_off.push(reply.to_string());
            return Ok(());
        }
        ledger.accepted.insert(id);
        plan.accepted.fetch_add(1, Ordering::Relaxed);
        sleep(plan.route.pause).await;
        if !plan.running.load(Ordering::Relaxed) {
            break;
        }
    }
    // The answer is of no interest: a relay that ends may have gone already.
    let _ = client.command("QUIT").await;
    Ok(())
}
