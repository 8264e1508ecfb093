//! Where corrupt records go, so that somebody can look at them, and the rest is served.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde::Serialize;

use super::store::Usage;
use crate::{
    BLOCK_BYTES, MessageId,
    directory::{Directory, File},
};

/// What was set aside, as its report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// The file in `corrupt/` with the bytes as they were found; beside it lies this report with `.json` behind the name.
    pub file: String,
    /// The file in which they were found.
    pub found_in: String,
    /// Where in that file, in bytes.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
    /// The message to which they belong, if that can be told.
    pub message: Option<MessageId>,
    /// What is wrong with them.
    pub what: String,
    /// Whether they are what a crash leaves of a write that nobody was told to be done.
    pub torn: bool,
}

/// The directory `corrupt/`.
#[derive(Debug)]
pub(super) struct Quarantine {
    directory: Arc<dyn Directory>,
    count: AtomicU64,
}

impl Quarantine {
    pub(super) fn new(directory: Arc<dyn Directory>) -> Self {
        Self { directory, count: AtomicU64::new(0) }
    }

    /// Corrupt records that were found since the start.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Copies what `report` names out of `source`. What was copied before is not copied again.
    pub(super) fn set_aside(&self, report: &SetAside, source: &dyn File, usage: &Usage) -> io::Result<()> {
        if report.torn {
            tracing::warn!(?report, "a crash has torn the end of the spool's log, and what is left of it is set aside");
        } else {
            self.count.fetch_add(1, Relaxed);
            tracing::error!(?report, "a corrupt part of the spool is set aside");
        }
        self.keep(report, source, usage).inspect_err(|error| tracing::error!(%error, file = report.file, "it can't be copied"))
    }

    fn keep(&self, report: &SetAside, source: &dyn File, usage: &Usage) -> io::Result<()> {
        let name = format!("{}.json", report.file);
        // The report is written last: where it is, the copy is whole.
        if self.directory.names()?.contains(&name) {
            return Ok(());
        }
        let copied = self.copy(report, source).and_then(|()| {
            let text = serde_json::to_vec_pretty(report)?;
            let file = self.create(&name)?;
            file.write_at(&[&text], 0)?;
            file.sync()?;
            self.directory.sync()
        });
        match copied {
            Ok(()) => usage.add(report.bytes),
            // What is there of it takes room that is needed.
            Err(_) => drop(self.directory.remove(&report.file)),
        }
        copied
    }

    fn copy(&self, report: &SetAside, source: &dyn File) -> io::Result<()> {
        let target = self.create(&report.file)?;
        let mut block = vec![0; BLOCK_BYTES];
        let mut copied = 0;
        while copied < report.bytes {
            let rest = usize::try_from(report.bytes - copied).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            source.read_at(&mut block[..rest], report.offset + copied)?;
            target.write_at(&[&block[..rest]], copied)?;
            copied += rest as u64;
        }
        target.sync()
    }

    /// Makes a file, in place of what an attempt that failed has left.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        match self.directory.create(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.directory.remove(name)?;
                self.directory.create(name)
            }
            created => created,
        }
    }
}
