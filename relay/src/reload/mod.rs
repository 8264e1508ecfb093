//! Takes new configurations into use: read, validate, prove, bind, swap.
//!
//! Whatever fails on the way leaves the snapshot in use as it is. The very first configuration has none behind it: until there is a good
//! one, the relay listens nowhere, is not ready, and says why in `/status`. It does not exit, since a new process would find the same folder,
//! and a Pod that crashes over and over says less than one that waits.

mod failure;
mod metrics;

use std::{path::PathBuf, sync::Arc};

use tokio::task::spawn_blocking;

pub use metrics::Metrics;

use self::failure::{Failure, Retry};
use crate::{
    listen::{Ports, Serve},
    message::{self, Budgets},
    snapshot::{Snapshot, Store, Watch, root_hash},
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
        let mut watch = Watch::new(&self.folder);
        let mut retry = Retry::default();
        loop {
            let outcome = self.reload().await;
            let delay = retry.after(&outcome);
            match outcome {
                Ok(()) => self.store.accept(),
                Err(failure) if retry.is_quiet() => tracing::debug!(reasons = failure.to_string(), "configuration not complete yet"),
                Err(failure) => self.refuse(failure),
            }
            watch.changed(delay).await;
        }
    }

    async fn reload(&mut self) -> Result<(), Failure> {
        let folder = self.folder.clone();
        let candidate = spawn_blocking(move || Snapshot::load(&folder)).await.map_err(|error| Failure::Lasting(vec![error.to_string()]))?;
        let candidate = Arc::new(candidate?);
        if self.store.snapshot().is_some_and(|in_use| in_use.is_same(&candidate)) {
            return Ok(());
        }
        self.prove.prove(&candidate).await.map_err(Failure::Lasting)?;
        let prepared = self.ports.prepare(&candidate)?;
        // From here nothing can fail. The ports come last: whoever is accepted on a new one finds its listener and a budget.
        self.messages.set_budgets(Budgets::from(&candidate.configuration.root.limits));
        self.store.replace(Arc::clone(&candidate));
        self.ports.commit(prepared, &candidate);
        self.activated(&candidate);
        Ok(())
    }

    fn activated(&self, snapshot: &Snapshot) {
        self.metrics.activated(snapshot.tls.certificates());
        let root = &snapshot.configuration.root;
        let (domains, listeners) = (snapshot.configuration.domains.len(), snapshot.doors.len());
        tracing::info!(relay = root.relay, generation = root.generation, hash = snapshot.hash, domains, listeners, "configuration in use");
    }

    fn refuse(&self, failure: Failure) {
        let (hash, reasons) = (root_hash(&self.folder), failure.into_reasons());
        let kept = self.store.snapshot().map(|snapshot| snapshot.hash.clone());
        let text = reasons.join("; ");
        if self.store.refuse(hash.clone(), reasons) {
            self.metrics.refused();
            tracing::error!(hash, kept, reasons = text, "configuration refused");
        }
    }
}
