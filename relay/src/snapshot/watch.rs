//! Tells when the folder may hold something new.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout, timeout_at},
};

/// A burst of changes is over when it was quiet for so long.
const QUIET: Duration = Duration::from_millis(100);
/// A burst that does not end is read after so long all the same.
const LONGEST_BURST: Duration = Duration::from_secs(1);
/// Some file systems tell nothing, and a queue of events can overflow.
const POLL: Duration = Duration::from_secs(30);

/// Watches a folder and all below it, through every way of replacing files: in place, by renaming, and by swapping the link `..data` as
/// Kubernetes does.
pub struct Watch {
    folder: PathBuf,
    /// Holds at most one note that something changed.
    changes: mpsc::Receiver<()>,
    noter: mpsc::Sender<()>,
    /// Dropped to stop watching.
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Begins to watch. A folder that is not there yet is found by polling.
    pub async fn begin(folder: &Path) -> Self {
        let (noter, changes) = mpsc::channel(1);
        let mut watch = Self { folder: folder.to_owned(), changes, noter, watcher: None };
        watch.arm().await;
        watch
    }

    /// Waits until something may have changed and has settled, or until `retry` or the next poll is due. What is read afterwards is at
    /// least as new as the change.
    pub async fn changed(&mut self, retry: Option<Duration>) {
        let due = Instant::now() + retry.unwrap_or(POLL).min(POLL);
        tokio::select! {
            _ = self.changes.recv() => self.settle().await,
            () = sleep_until(due) => {}
        }
        self.arm().await;
    }

    async fn settle(&mut self) {
        let latest = Instant::now() + LONGEST_BURST;
        while let Ok(Ok(_)) = timeout_at(latest, timeout(QUIET, self.changes.recv())).await {}
    }

    /// Watches afresh: folders and links that were swapped are other ones now, and their watches went with them.
    async fn arm(&mut self) {
        let (folder, noter) = (self.folder.clone(), self.noter.clone());
        let watcher = spawn_blocking(move || watcher(&folder, noter)).await;
        self.watcher = match watcher {
            Ok(Ok(watcher)) => Some(watcher),
            Ok(Err(error)) => {
                tracing::debug!(%error, "can't watch the configuration, polling it");
                None
            }
            // It panicked, or the process ends: the poll goes on.
            Err(_) => None,
        };
    }
}

fn watcher(folder: &Path, noter: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let note = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_change(event.kind)) {
            // When it is full, a note is there already.
            let _ = noter.try_send(());
        }
    };
    let mut watcher = notify::recommended_watcher(note)?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Reading is no change: the relay reads the folder itself.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag, ModifyKind, RemoveKind, RenameMode};

    use super::*;

    #[test]
    fn reading_is_no_change_or_every_reload_would_begin_the_next() {
        for access in [AccessKind::Open(AccessMode::Any), AccessKind::Read, AccessKind::Close(AccessMode::Read)] {
            assert!(!is_change(EventKind::Access(access)), "{access:?}");
        }
    }

    #[test]
    fn writing_renaming_and_lost_events_are_changes() {
        let changes = [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::File),
            EventKind::Modify(ModifyKind::Data(DataChange::Any)),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)),
            EventKind::Remove(RemoveKind::Folder),
            // The queue of events was full.
            Event::new(EventKind::Other).set_flag(Flag::Rescan).kind,
        ];
        for change in changes {
            assert!(is_change(change), "{change:?}");
        }
    }
}
