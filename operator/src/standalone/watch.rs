//! Tells when manifests may have changed.

use std::{
    ffi::OsStr,
    path::{Path, absolute},
    time::Duration,
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::mpsc, time::timeout};

/// An editor is done when it was quiet for so long.
const QUIET: Duration = Duration::from_millis(50);
/// Changes that don't stop are read after so many quiet times all the same.
const MOST_WAITS: u32 = 10;

/// Watches a folder and all below it, but for hidden files: the operator writes such itself.
pub(super) struct Watch {
    changes: mpsc::Receiver<()>,
    /// A change was noted and has not settled yet: it must outlive a wait that is given up.
    is_noted: bool,
    // Watches until it is dropped.
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn new(folder: &Path) -> notify::Result<Self> {
        let (noter, changes) = mpsc::channel(1);
        // Events name absolute paths.
        let root = absolute(folder)?;
        let note = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(&root, &event)) {
                // When it is full, a note is there already.
                let _ = noter.try_send(());
            }
        };
        let mut watcher = notify::recommended_watcher(note)?;
        watcher.watch(&absolute(folder)?, RecursiveMode::Recursive)?;
        Ok(Self { changes, is_noted: false, _watcher: watcher })
    }

    /// Waits for a change, and until it has settled. May be dropped and called again.
    pub(super) async fn changed(&mut self) {
        if !self.is_noted && self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        self.is_noted = true;
        let mut waits = 0;
        while waits < MOST_WAITS && timeout(QUIET, self.changes.recv()).await.is_ok() {
            waits += 1;
        }
        self.is_noted = false;
    }
}

/// Reading is no change, and neither is what is hidden. A queue of events that overflowed may have held anything.
fn is_change(root: &Path, event: &Event) -> bool {
    event.need_rescan() || (!matches!(event.kind, EventKind::Access(_)) && !event.paths.iter().all(|path| is_hidden(root, path)))
}

/// What begins with two dots is not hidden: in a folder that Kubernetes mounts, it is such a link that changes.
fn is_hidden(root: &Path, path: &Path) -> bool {
    let is_hidden = |part: &OsStr| part.to_string_lossy().starts_with('.') && !part.to_string_lossy().starts_with("..");
    path.strip_prefix(root).is_ok_and(|below| below.iter().any(is_hidden))
}
