//! Why a configuration is not used, and whether to try it again.

use std::{fmt, time::Duration};

use tokio::time::Instant;

use crate::{listen::BindError, snapshot::LoadError};

/// A set of files that is torn for longer is reported: the rest does not seem to be on its way.
const TORN_FOR: Duration = Duration::from_secs(2);
/// How soon what may pass is tried again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// And no later than this.
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why what the folder holds is not used; one line for each thing that is wrong.
pub(super) enum Failure {
    /// Some files are not those that belong together, which is nobody's mistake while they are being written.
    Torn(Vec<String>),
    /// Something outside is in the way, and may go.
    Blocked(Vec<String>),
    /// Nothing but another configuration will mend it.
    Lasting(Vec<String>),
}

impl Failure {
    pub(super) fn into_reasons(self) -> Vec<String> {
        match self {
            Self::Torn(reasons) | Self::Blocked(reasons) | Self::Lasting(reasons) => reasons,
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        if error.may_be_torn() { Self::Torn(error.reasons()) } else { Self::Lasting(error.reasons()) }
    }
}

impl From<Vec<BindError>> for Failure {
    fn from(errors: Vec<BindError>) -> Self {
        Self::Blocked(errors.iter().map(BindError::to_string).collect())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Torn(reasons) | Self::Blocked(reasons) | Self::Lasting(reasons)) = self;
        f.write_str(&reasons.join("; "))
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
        self.torn_since = matches!(outcome, Err(Failure::Torn(_))).then(|| self.torn_since.unwrap_or_else(Instant::now));
        let may_pass = matches!(outcome, Err(Failure::Torn(_) | Failure::Blocked(_)));
        self.delay = may_pass.then(|| self.delay.map_or(FIRST_RETRY, |last| (2 * last).min(LAST_RETRY)));
        self.delay
    }

    /// Whether the last outcome need not be reported yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.torn_since.is_some_and(|since| since.elapsed() < TORN_FOR)
    }
}
