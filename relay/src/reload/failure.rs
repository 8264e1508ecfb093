//! Why a configuration is not used, and whether to try it again.

use std::{path::Path, time::Duration};

use postern_config::folder::root_hash;
use tokio::time::Instant;

use crate::{
    listen::BindError,
    snapshot::{LoadError, Snapshot},
};

/// A set of files that is torn for longer is reported: the rest does not seem to be on its way.
const TORN_FOR: Duration = Duration::from_secs(2);
/// How soon what may pass is tried again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// And no later than this.
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why what the folder holds is not used.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// Hash of the configuration that is at fault. None when nobody knows: the root, or what is not of it, may still be on its way.
    pub(super) hash: Option<String>,
    /// One line for each thing that is wrong; never empty.
    pub(super) reasons: Vec<String>,
}

/// What may mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Some files are not those that belong together, which is nobody's mistake while they are being written.
    Torn,
    /// Something outside is in the way, and may go.
    Blocked,
    /// Nothing but another configuration will do.
    Lasting,
}

impl Failure {
    /// The folder gives no snapshot.
    pub(super) fn to_load(error: &LoadError, folder: &Path) -> Self {
        let (kind, hash) = if error.may_be_torn() { (Kind::Torn, None) } else { (Kind::Lasting, root_hash(folder)) };
        Self { kind, hash, reasons: error.reasons() }
    }

    /// The snapshot breaks what no configuration may.
    pub(super) fn to_prove(candidate: &Snapshot, reasons: Vec<String>) -> Self {
        Self { kind: Kind::Lasting, hash: Some(candidate.hash.clone()), reasons }
    }

    /// Ports of the snapshot can't be bound.
    pub(super) fn to_bind(candidate: &Snapshot, errors: &[BindError]) -> Self {
        let reasons = errors.iter().map(BindError::to_string).collect();
        Self { kind: Kind::Blocked, hash: Some(candidate.hash.clone()), reasons }
    }
}

/// What to do after each outcome.
#[derive(Default)]
pub(super) struct Retry {
    delay: Option<Duration>,
    torn_since: Option<Instant>,
}

impl Retry {
    /// When to try again though nothing changed; `None` when that would be of no use.
    pub(super) fn after(&mut self, outcome: &Result<(), Failure>) -> Option<Duration> {
        self.torn_since =
            matches!(outcome, Err(failure) if failure.kind == Kind::Torn).then(|| self.torn_since.unwrap_or_else(Instant::now));
        let may_pass = matches!(outcome, Err(failure) if failure.kind != Kind::Lasting);
        self.delay = may_pass.then(|| self.delay.map_or(FIRST_RETRY, |last| (2 * last).min(LAST_RETRY)));
        self.delay
    }

    /// Whether the last outcome need not be reported yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.torn_since.is_some_and(|since| since.elapsed() < TORN_FOR)
    }
}
