//! Takes new configurations into use: read, validate, prove, bind, swap.
//!
//! Whatever fails on the way leaves the snapshot in use as it is. The very first configuration has none behind it: until there is a good
//! one, the relay listens nowhere, is not ready, and says why in `/status`. It does not exit, since a new process would find the same folder,
//! and a Pod that crashes over and over says less than one that waits.

mod failure;
mod metrics;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::task::{JoinError, spawn_blocking};

pub use metrics::Metrics;

use self::failure::{Failure, Kind, Retry};
use crate::{
    listen::{Ports, Serve},
    message::{self, Budgets},
    snapshot::{LoadError, Snapshot, Source, Store, Watch},
};

/// Proves that a configuration may be used.
pub trait Prove: Send + Sync + 'static {
    /// Whether `candidate` does nothing that no configuration may; if it does, one line for each thing.
    fn prove(&self, candidate: &Arc<Snapshot>) -> impl Future<Output = Result<(), Vec<String>>> + Send;
}

/// Follows a folder.
pub struct Reloader<P, S> {
    /// The folder of the configuration.
    pub folder: PathBuf,
    /// Where the snapshot in use is.
    pub store: Arc<Store>,
    /// The ports that it listens on.
    pub ports: Ports<S>,
    /// What proves it.
    pub prove: P,
    /// Where messages are held, within its budgets.
    pub messages: message::Store,
    /// Counts of configurations.
    pub metrics: Metrics,
}

impl<P: Prove, S: Serve> Reloader<P, S> {
    /// Follows the folder for ever. Drop the future to end; the ports are closed with it.
    pub async fn run(mut self) {
        let mut watch = Watch::begin(&self.folder).await;
        let mut retry = Retry::default();
        loop {
            let outcome = self.reload().await;
            let delay = retry.after(&outcome);
            match outcome {
                Ok(()) => self.store.accept(),
                Err(failure) if retry.is_quiet() => tracing::debug!(?failure, "configuration not complete yet"),
                Err(failure) => self.refuse(failure),
            }
            watch.changed(delay).await;
        }
    }

    async fn reload(&mut self) -> Result<(), Failure> {
        let Some(candidate) = self.load().await?.map(Arc::new) else { return Ok(()) };
        self.prove.prove(&candidate).await.map_err(|reasons| Failure::to_prove(&candidate, reasons))?;
        let prepared = self.ports.prepare(&candidate).map_err(|errors| Failure::to_bind(&candidate, &errors))?;
        // From here nothing can fail. The ports come last: whoever is accepted on a new one finds its listener and a budget.
        self.messages.set_budgets(Budgets::from(&candidate.configuration.root.limits));
        self.store.replace(Arc::clone(&candidate));
        self.ports.commit(prepared, &candidate);
        self.activated(&candidate);
        Ok(())
    }

    /// What the folder holds; `None` when it is in use already.
    async fn load(&self) -> Result<Option<Snapshot>, Failure> {
        let (folder, in_use) = (self.folder.clone(), self.store.snapshot());
        let loaded = spawn_blocking(move || load(&folder, in_use.as_deref()).map_err(|error| Failure::to_load(&error, &folder)));
        let panicked = |error: JoinError| Failure { kind: Kind::Lasting, hash: None, reasons: vec![error.to_string()] };
        loaded.await.map_err(panicked)?
    }

    fn activated(&self, snapshot: &Snapshot) {
        self.metrics.activated(snapshot.tls.certificates());
        let root = &snapshot.configuration.root;
        let (domains, listeners) = (snapshot.configuration.domains.len(), snapshot.doors.len());
        tracing::info!(relay = root.relay, generation = root.generation, hash = snapshot.hash, domains, listeners, "configuration in use");
        for certificate in snapshot.tls.certificates().iter().filter(|certificate| certificate.not_after < Timestamp::now()) {
            tracing::warn!(certificate = certificate.name, not_after = %certificate.not_after, "the certificate has expired");
        }
    }

    fn refuse(&self, Failure { hash, reasons, .. }: Failure) {
        let text = reasons.join("; ");
        if self.store.refuse(hash.clone(), reasons) {
            self.metrics.refused();
            let kept = self.store.snapshot().map(|snapshot| snapshot.hash.clone());
            tracing::error!(hash, kept, reasons = text, "configuration refused");
        }
    }
}

fn load(folder: &Path, in_use: Option<&Snapshot>) -> Result<Option<Snapshot>, LoadError> {
    let source = Source::read(folder)?;
    if in_use.is_some_and(|snapshot| snapshot.is_from(&source)) { Ok(None) } else { Snapshot::build(source).map(Some) }
}
