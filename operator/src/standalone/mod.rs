//! A relay without a cluster: a folder of manifests takes the place of the API, a child process that of the pods.
//!
//! The pipeline is the cluster's. What differs is where it ends: the relay's folder is written to disk ([`folder`]), in the manner in which
//! the kubelet writes a volume, and one relay process reads it ([`child`]).

mod child;
mod exchangers;
mod folder;
mod keyring;
mod ledger;
mod news;
mod observe;
mod options;
mod report;
mod signals;
mod watch;

use std::{
    fs::{self, TryLockError},
    mem,
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use postern_crds::SmtpRelay;
use tokio::{
    runtime::Builder,
    time::{interval, sleep},
};

use crate::{
    dereference::{Absent, CLUSTER_DOMAIN, Context, dereference},
    files,
    inventory::{Inventory, Key},
    manifest::{Folder, Reading},
    material::Sealed,
    status::Pods,
    validate::{Findings, ServerCertificate, Validated, validate},
};
use child::{Relay, Stopped};
use folder::{RelayFolder, private_folder, replace};
use keyring::Keyring;
use ledger::Ledger;
use news::Found;
pub use options::Options;
use report::{News, Report};
use signals::Signals;
use watch::Watch;

/// How soon the relay is asked again while it has not taken its configuration.
const SOON: Duration = Duration::from_millis(100);
/// And when it has.
const SELDOM: Duration = Duration::from_secs(2);
/// How often certificates are looked at: far more often than they are due.
const CERTIFICATES: Duration = Duration::from_hours(1);

/// Runs until SIGTERM or SIGINT, and then until the relay's transactions have finished; a second signal ends them at once.
pub fn run(options: Options) -> anyhow::Result<ExitCode> {
    Builder::new_current_thread().enable_all().build()?.block_on(follow(options))
}

async fn follow(options: Options) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install().context("can't catch signals")?;
    let _lock = lock(&options.data())?;
    let mut watch = Watch::new(&options.folder).with_context(|| format!("can't watch {}", options.folder.display()))?;
    let mut standalone = Standalone::new(options)?;
    let mut certificates = interval(CERTIFICATES);
    standalone.read();
    loop {
        let (asked_in, admin) = (standalone.next_observation(), standalone.options.admin);
        tokio::select! {
            () = watch.changed() => standalone.read(),
            () = supervise(standalone.running.as_mut()) => {}
            pods = observe(asked_in, admin) => standalone.observed(pods),
            _ = certificates.tick() => standalone.carry_out(),
            () = signals.next() => break,
        }
        if standalone.stop_obsolete(&mut signals).await? == Stopped::Hurried {
            return Ok(ExitCode::SUCCESS);
        }
    }
    println!("ending: the relay finishes its transactions; another signal ends them at once");
    if let Some(running) = standalone.running.take() {
        running.relay.stop(&mut signals).await.context("can't stop the relay")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Holds the data folder for this process: two relays on one folder would take each other's files.
fn lock(data: &Path) -> anyhow::Result<fs::File> {
    private_folder(data).with_context(|| data.display().to_string())?;
    let path = data.join("lock");
    let file = fs::File::create(&path).with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another postern-operator runs on {}; give each its own folder with --data", data.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

async fn supervise(running: Option<&mut Running>) {
    match running {
        Some(running) => running.relay.supervise().await,
        None => std::future::pending().await,
    }
}

async fn observe(after: Option<Duration>, admin: SocketAddr) -> Pods {
    match after {
        Some(after) => sleep(after).await,
        None => std::future::pending().await,
    }
    observe::observe(admin).await
}

/// A folder of manifests, and what runs because of it.
struct Standalone {
    options: Options,
    manifests: Folder,
    ledger: Ledger,
    reading: Reading,
    /// Why the manifests could not be read at all.
    unreadable: Option<String>,
    keyring: Keyring,
    running: Option<Running>,
    /// What went wrong on this machine, as opposed to in a manifest.
    faults: Vec<String>,
    shown: News,
    report: Report,
}

/// The relay that runs.
struct Running {
    key: Key,
    folder: RelayFolder,
    relay: Relay,
    pods: Pods,
    /// The configuration that it is to run.
    wanted: String,
}

impl Standalone {
    fn new(options: Options) -> anyhow::Result<Self> {
        let data = options.data();
        Ok(Self {
            manifests: Folder::new(vec![options.folder.clone()]),
            ledger: Ledger::open(&data.join("ledger.json")),
            reading: Reading::default(),
            unreadable: None,
            keyring: Keyring::open(data.join("keys"))?,
            running: None,
            faults: Vec::new(),
            shown: News::default(),
            report: Report::new(&options.folder),
            options,
        })
    }

    /// Reads the manifests, and carries out what they say.
    fn read(&mut self) {
        match self.manifests.read() {
            Ok(reading) => (self.reading, self.unreadable) = (reading, None),
            Err(error) => self.unreadable = Some(error.to_string()),
        }
        self.carry_out();
    }

    /// Brings the relay to what the manifests said last. Whatever fails leaves it as it is.
    fn carry_out(&mut self) {
        self.faults.clear();
        let mut reading = mem::take(&mut self.reading);
        if let Err(error) = self.ledger.stamp(&mut reading.inventory, Timestamp::now()) {
            self.faults.push(format!("the ages of resources can't be kept: {error}"));
        }
        self.recall(&mut reading.inventory);
        let chosen = chosen(&reading.inventory);
        let findings = chosen.map(|(key, relay)| (key, relay, self.find(&reading, relay)));
        if let Some((key, _, findings)) = &findings
            && let Err(error) = self.apply(key, findings)
        {
            self.faults.push(format!("{error:#}"));
        }
        let pods = self.running.as_ref().map(|running| running.pods.clone()).unwrap_or_default();
        let found = findings.as_ref().map(|(key, relay, findings)| Found { key, relay, findings, pods: &pods });
        self.tell(&reading, found.as_ref());
        self.reading = reading;
    }

    /// Gives domains the status that they had: it tells which of them the relay took mail for.
    fn recall(&self, inventory: &mut Inventory) {
        for (key, domain) in &mut inventory.domains {
            domain.status = self.shown.domains.get(key).and_then(|shown| shown.status.clone());
        }
    }

    fn find<'r>(&mut self, reading: &'r Reading, relay: &'r SmtpRelay) -> Findings<'r> {
        let now = Timestamp::now();
        let context =
            Context { inventory: &reading.inventory, now, absent: Absent::Missing, cluster_domain: CLUSTER_DOMAIN, cluster_cidrs: &[] };
        let mut findings = validate(dereference(relay, context), |relay| {
            self.keyring.certificate(&Key::of(&relay.metadata), &relay.spec.hostname, now).map(Sealed::Open)
        });
        findings.relay = findings.relay.map(|validated| self.options.adapt(validated));
        findings
    }

    fn apply(&mut self, key: &Key, findings: &Findings<'_>) -> anyhow::Result<()> {
        let Ok(validated) = &findings.relay else { return Ok(()) };
        if self.running.as_ref().is_some_and(|running| running.key != *key) {
            // Its turn comes when the other has ended.
            return Ok(());
        }
        self.keyring.save()?;
        let data = self.options.data().join(format!("{}.{}", key.namespace, key.name));
        let launch = self.options.launch(validated, &data)?;
        publish_authority(validated, &data)?;
        let wanted = validated.configuration.hash().to_owned();
        if let Some(running) = &mut self.running {
            running.folder.write(files::of(validated)).with_context(|| running.folder.path().display().to_string())?;
            running.wanted = wanted;
            // What is only read at the start, such as the form of the log, waits for the next start: mail goes first.
            if *running.relay.launch() != launch {
                self.faults.push("spec.logging or spec.spool.storage changed; it counts from the next start of this command".to_owned());
            }
        } else {
            let mut folder = RelayFolder::new(data.join("config"));
            folder.write(files::of(validated)).with_context(|| folder.path().display().to_string())?;
            self.running = Some(Running { key: key.clone(), folder, relay: Relay::start(launch), pods: Pods::default(), wanted });
        }
        Ok(())
    }

    /// When the relay is to be asked next, if there is one.
    fn next_observation(&self) -> Option<Duration> {
        let is_settled = |running: &Running| running.pods.config_hash.as_ref() == Some(&running.wanted);
        self.running.as_ref().map(|running| if is_settled(running) { SELDOM } else { SOON })
    }

    fn observed(&mut self, pods: Pods) {
        if let Some(running) = self.running.as_mut().filter(|running| running.pods != pods) {
            running.pods = pods;
            self.carry_out();
        }
    }

    fn tell(&mut self, reading: &Reading, found: Option<&Found<'_>>) {
        let mut news = news::gather(reading, found, &self.shown, Timestamp::now());
        news.problems.extend(self.unreadable.iter().chain(&self.faults).cloned());
        self.report.tell(&news);
        self.shown = news;
    }

    /// Ends a relay whose manifest is gone, and lets the next one start.
    async fn stop_obsolete(&mut self, signals: &mut Signals) -> anyhow::Result<Stopped> {
        let wanted = chosen(&self.reading.inventory).map(|(key, _)| key);
        let Some(running) = self.running.take_if(|running| Some(&running.key) != wanted) else { return Ok(Stopped::InPeace) };
        let stopped = running.relay.stop(signals).await.context("can't stop the relay")?;
        self.carry_out();
        Ok(stopped)
    }
}

/// The relay that runs when there are several: the oldest, so that none is pushed aside by one that comes later.
fn chosen(inventory: &Inventory) -> Option<(&Key, &SmtpRelay)> {
    inventory.relays.iter().min_by_key(|(key, relay)| (relay.metadata.creation_timestamp.as_ref().map(|time| time.0), *key))
}

/// Puts the operator's own CA where people find it who send to the relay.
fn publish_authority(validated: &Validated<'_>, data: &Path) -> anyhow::Result<()> {
    let ServerCertificate::Issued(Sealed::Open(issued)) = &validated.certificate else { return Ok(()) };
    let path = data.join("ca.crt");
    replace(&path, issued.authority.as_str().as_bytes()).with_context(|| path.display().to_string())
}
