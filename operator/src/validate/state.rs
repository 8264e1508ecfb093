//! What became of a domain at a relay.

use jiff::{SignedDuration, Timestamp};
use postern_config::Violation;

use crate::dereference::{ReferenceProblem, Refusal, Standing};

/// What became of a domain at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// The relay takes its mail.
    Served,
    /// The relay answers 451 for it, so that its senders keep the mail.
    Detached {
        /// Why it is not served.
        cause: Cause,
        /// Since when.
        since: Timestamp,
        /// When the relay forgets it, and answers 550.
        until: Timestamp,
    },
    /// The relay does not know it: it answers 550, or another domain has the name.
    Refused {
        /// Why it is not served.
        cause: Cause,
        /// Since when it is not, if it was served before.
        since: Option<Timestamp>,
    },
}

/// Why a domain is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// What it refers to can't be used.
    References(Vec<ReferenceProblem>),
    /// The relay does not take it.
    Refusal(Refusal),
    /// Nobody can be given this domain.
    Invalid(Violation),
}

impl Cause {
    /// What is wrong, each with its field and its mend.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        match self {
            Self::References(problems) => problems.iter().map(ToString::to_string).collect(),
            Self::Refusal(refusal) => vec![refusal.to_string()],
            Self::Invalid(violation) => vec![violation.to_string()],
        }
    }
}

impl DomainState {
    /// Why the domain is not served, if it is not.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Served => None,
            Self::Detached { cause, .. } | Self::Refused { cause, .. } => Some(cause),
        }
    }

    /// Since when the relay has not served the domain that it served before.
    #[must_use]
    pub fn detached_since(&self) -> Option<Timestamp> {
        match self {
            Self::Served => None,
            Self::Detached { since, .. } => Some(*since),
            Self::Refused { since, .. } => *since,
        }
    }

    /// Whether the relay has the domain in its configuration.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// What becomes of a domain that can't be served: for `grace` after it was lost its mail is kept by those who send it.
    pub(super) fn lost(cause: Cause, standing: Standing, grace: SignedDuration, now: Timestamp) -> Self {
        // A reference that fails is the one thing that its owner may be about to mend from the start.
        let is_owned = standing.is_known() || matches!(cause, Cause::References(_));
        if !is_owned {
            return Self::Refused { cause, since: None };
        }
        let since = standing.detached_since.unwrap_or(now);
        let until = since.saturating_add(grace).unwrap_or(Timestamp::MAX);
        if now < until { Self::Detached { cause, since, until } } else { Self::Refused { cause, since: Some(since) } }
    }
}
