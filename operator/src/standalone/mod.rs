//! A relay without a cluster: a folder of manifests takes the place of the API, a child process that of the pods.
//!
//! The pipeline is the cluster's. What differs is where it ends: the relay's folder is written to disk ([`folder`]), in the manner in which
//! the kubelet writes a volume, and one relay process reads it ([`child`]).

mod child;
mod folder;
mod keyring;
mod news;
mod observe;
mod options;
mod report;
mod watch;

use std::{mem, net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use postern_crds::SmtpRelay;
use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
    time::{interval, sleep},
};

use crate::{
    dereference::{Absent, Context, dereference},
    files,
    inventory::Key,
    manifest::{Folder, Reading},
    material::Sealed,
    status::Pods,
    validate::{Findings, validate},
};
use child::Relay;
use folder::RelayFolder;
use keyring::Keyring;
use news::Found;
pub use options::Options;
use report::{News, Report};
use watch::Watch;

/// How soon the relay is asked again while it has not taken its configuration.
const SOON: Duration = Duration::from_millis(100);
/// And when it has.
const SELDOM: Duration = Duration::from_secs(2);
/// How often certificates are looked at: far more often than they are due.
const CERTIFICATES: Duration = Duration::from_hours(1);

/// Runs until SIGTERM or SIGINT, and then until the relay's transactions have finished.
pub fn run(options: Options) -> anyhow::Result<ExitCode> {
    Builder::new_current_thread().enable_all().build()?.block_on(follow(options))
}

async fn follow(options: Options) -> anyhow::Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut watch = Watch::new(&options.folder).with_context(|| format!("can't watch {}", options.folder.display()))?;
    let mut standalone = Standalone::new(options)?;
    let mut certificates = interval(CERTIFICATES);
    standalone.read();
    loop {
        let (asked_in, admin) = (standalone.next_observation(), standalone.options.admin);
        tokio::select! {
            () = watch.changed() => standalone.read(),
            () = supervise(standalone.relay.as_mut()) => {}
            pods = observe(asked_in, admin) => standalone.observed(pods),
            _ = certificates.tick() => standalone.carry_out(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
        standalone.stop_if_removed().await;
    }
    println!("ending: the relay finishes its transactions");
    if let Some(relay) = standalone.relay.take() {
        relay.stop().await.context("can't stop the relay")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn supervise(relay: Option<&mut Relay>) {
    match relay {
        Some(relay) => relay.supervise().await,
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

/// The one relay of a folder, and all that it is made of.
struct Standalone {
    options: Options,
    manifests: Folder,
    reading: Reading,
    /// Why the manifests could not be read at all.
    unreadable: Option<String>,
    keyring: Keyring,
    folder: Option<RelayFolder>,
    relay: Option<Relay>,
    pods: Pods,
    /// The configuration that the relay is to run.
    wanted: Option<String>,
    /// What went wrong on this machine, as opposed to in a manifest.
    faults: Vec<String>,
    shown: News,
    report: Report,
}

impl Standalone {
    fn new(options: Options) -> anyhow::Result<Self> {
        let keyring = Keyring::open(options.data().join("keys"))?;
        Ok(Self {
            manifests: Folder::new(vec![options.folder.clone()]),
            reading: Reading::default(),
            unreadable: None,
            keyring,
            folder: None,
            relay: None,
            pods: Pods::default(),
            wanted: None,
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
        let reading = mem::take(&mut self.reading);
        if let Some((key, relay)) = reading.inventory.relays.first_key_value() {
            let findings = self.find(&reading, relay);
            if let Err(error) = self.apply(key, relay, &findings) {
                self.faults.push(format!("{error:#}"));
            }
            let pods = self.pods.clone();
            self.tell(&reading, Some(&Found { key, relay, findings: &findings, pods: &pods }));
        } else {
            self.tell(&reading, None);
        }
        self.reading = reading;
    }

    fn find<'r>(&mut self, reading: &'r Reading, relay: &'r SmtpRelay) -> Findings<'r> {
        let now = Timestamp::now();
        let context = Context { inventory: &reading.inventory, now, absent: Absent::Missing };
        validate(dereference(relay, context), |relay| {
            self.keyring.certificate(&Key::of(&relay.metadata), &relay.spec.hostname, now).map(Sealed::Open)
        })
    }

    fn apply(&mut self, key: &Key, relay: &SmtpRelay, findings: &Findings<'_>) -> anyhow::Result<()> {
        let Ok(validated) = &findings.relay else { return Ok(()) };
        self.keyring.save()?;
        let data = self.options.data().join(format!("{}.{}", key.namespace, key.name));
        let folder = self.folder.get_or_insert_with(|| RelayFolder::new(data.join("config")));
        folder.write(files::of(validated)).with_context(|| folder.path().display().to_string())?;
        self.wanted = Some(validated.configuration.hash());
        let launch = self.options.launch(relay, &data)?;
        // What is only read at the start, such as the form of the log, waits for the next start: mail goes first.
        if self.relay.is_none() {
            self.relay = Some(Relay::start(launch));
        } else if self.relay.as_ref().is_some_and(|relay| *relay.launch() != launch) {
            self.faults.push("spec.logging changed; it counts from the next start of this command".to_owned());
        }
        Ok(())
    }

    /// When the relay is to be asked next, if there is one.
    fn next_observation(&self) -> Option<Duration> {
        let settled = self.wanted.is_some() && self.pods.config_hash == self.wanted;
        self.relay.as_ref().map(|_| if settled { SELDOM } else { SOON })
    }

    fn observed(&mut self, pods: Pods) {
        if self.pods != pods {
            self.pods = pods;
            self.carry_out();
        }
    }

    fn tell(&mut self, reading: &Reading, found: Option<&Found<'_>>) {
        let mut news = news::gather(reading, found, &self.shown, Timestamp::now());
        news.problems.extend(self.unreadable.iter().chain(&self.faults).cloned());
        self.report.tell(&news);
        self.shown = news;
    }

    /// Ends the relay when its manifest is gone.
    async fn stop_if_removed(&mut self) {
        if self.reading.inventory.relays.is_empty()
            && let Some(relay) = self.relay.take()
        {
            if let Err(error) = relay.stop().await {
                println!("problem: can't stop the relay: {error}");
            }
            (self.folder, self.wanted, self.pods) = (None, None, Pods::default());
        }
    }
}
