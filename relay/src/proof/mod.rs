//! The open-relay matrix: a configuration is used only after real sessions have shown what it relays.
//!
//! Each probe is a whole SMTP session, from bytes to the chosen next hop, with a [`recorder`] where the network would be. What the recorder
//! saw is held against an [`oracle`] that reads the configuration in its own, simpler way: a mailbox may only reach the next hops of the
//! domain that covers it, exactly as the client wrote it, and each kind of accepted domain must reach its own. Listeners for users and for servers
//! of our own must take nothing at all: the client of a probe is neither.

mod oracle;
mod probes;
mod recorder;
mod rehearsal;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use postern_config::Role;
use tokio::time::timeout;

use crate::{reload::Prove, snapshot::Snapshot};
use oracle::Oracle;
use probes::Probe;
use recorder::Recorded;
use rehearsal::Stage;

/// How long the whole matrix may take; it takes a fraction of a second.
const DEADLINE: Duration = Duration::from_mins(1);

/// Why a configuration must not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    listener: String,
    probe: Probe,
    fault: Fault,
}

/// Why a configuration was not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Probes failed; never empty.
    #[error("the open-relay matrix failed")]
    Failed(Vec<Failure>),
    /// The matrix could not be run.
    #[error("the open-relay matrix could not be run: {0}")]
    NotRun(#[from] io::Error),
    /// The matrix did not come to its end in time.
    #[error("the open-relay matrix took longer than {} s", DEADLINE.as_secs())]
    TooSlow,
}

/// What a probe showed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// A recipient that no domain covers reached a next hop.
    Relayed(Recorded),
    /// A recipient reached a next hop that its domain does not name, or was rewritten on the way.
    Astray(Recorded),
    /// A listener for users or servers of our own took it from a client that is neither.
    Stranger(Recorded),
    /// A recipient of an accepted domain reached no next hop.
    Lost,
}

/// Proves configurations before the relay uses them.
#[derive(Clone, Debug)]
pub struct Matrix {
    scratch: PathBuf,
}

impl Matrix {
    /// A matrix whose sessions hold their messages where the relay's do: on `scratch`, which they never come to need.
    #[must_use]
    pub fn new(scratch: &Path) -> Self {
        Self { scratch: scratch.to_owned() }
    }
}

impl Prove for Matrix {
    async fn prove(&self, candidate: &Arc<Snapshot>) -> Result<(), Vec<String>> {
        let proven = timeout(DEADLINE, prove(candidate, &self.scratch)).await.unwrap_or(Err(ProofError::TooSlow));
        proven.map_err(|error| match error {
            ProofError::Failed(failures) => failures.iter().map(Failure::to_string).collect(),
            ProofError::NotRun(_) | ProofError::TooSlow => vec![error.to_string()],
        })
    }
}

/// Runs the whole matrix against `snapshot`. `scratch` is where the relay holds messages; the probes' stay in memory.
///
/// # Errors
/// Every probe that failed, or why none could be tried; in both cases the configuration must not be used.
pub async fn prove(snapshot: &Arc<Snapshot>, scratch: &Path) -> Result<(), ProofError> {
    let oracle = Oracle::new(&snapshot.configuration);
    let probes = probes::of(&snapshot.configuration);
    let mut failures = Vec::new();
    for door in &snapshot.doors {
        let stage = Stage::new(snapshot, door, scratch)?;
        for probe in &probes {
            let recorded = stage.play(probe).await;
            let faults = match door.listener.role {
                Role::Inbound => faults(&oracle, probe, recorded),
                // Nobody authenticated, and the client has an address that is nobody's.
                Role::Submission | Role::Trusted => recorded.into_iter().map(Fault::Stranger).collect(),
            };
            failures.extend(faults.into_iter().map(|fault| Failure { listener: door.listener.name.clone(), probe: probe.clone(), fault }));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(ProofError::Failed(failures)) }
}

fn faults(oracle: &Oracle<'_>, probe: &Probe, recorded: Vec<Recorded>) -> Vec<Fault> {
    let lost = (probe.must_arrive && recorded.is_empty()).then_some(Fault::Lost);
    let wrong = recorded.into_iter().filter_map(|recorded| match oracle.judge(probe, &recorded) {
        oracle::Verdict::Right => None,
        oracle::Verdict::Foreign => Some(Fault::Relayed(recorded)),
        oracle::Verdict::Astray => Some(Fault::Astray(recorded)),
    });
    lost.into_iter().chain(wrong).collect()
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.to.next_hops().map(|next_hops| next_hops.hops.iter().map(|hop| format!("{}:{}", hop.host, hop.port)));
        let to = hosts.map_or_else(|| "exchangers".to_owned(), |hosts| hosts.collect::<Vec<_>>().join(", "));
        write!(f, "<{}> to {to}", self.recipient)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, probe, fault } = self;
        write!(f, "open-relay matrix, listener {listener}, {probe}: ")?;
        match fault {
            Fault::Relayed(recorded) => write!(f, "relayed {recorded}, and no accepted domain covers it"),
            Fault::Astray(recorded) => write!(f, "sent {recorded}, which is not where the mail of its domain goes"),
            Fault::Stranger(recorded) => write!(f, "took {recorded} from a client that neither authenticated nor is trusted"),
            Fault::Lost => f.write_str("the recipient's domain is accepted, and no next hop was asked"),
        }
    }
}
