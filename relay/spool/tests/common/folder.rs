//! A spool in a real folder.

use std::{fs, path::PathBuf, sync::Arc};

use postern_spool::directory::{Directory, Disk};
use tempfile::TempDir;

/// A folder for a spool, which goes with this.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn directory(&self) -> Arc<dyn Directory> {
        Disk::open(&self.folder.path().join("spool")).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    /// The files of a subdirectory, by name.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The only segment of the log.
    pub fn segment(&self) -> PathBuf {
        let mut segments = self.files("log");
        assert_eq!(segments.len(), 1, "segments");
        segments.pop().unwrap()
    }
}
