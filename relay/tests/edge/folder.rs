//! Ways of writing a folder: as the kubelet does, and as a careful writer would not.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use postern_config::folder::ROOT_FILE;

/// Replaces `old` by `new` in the root file, by a rename, without any check.
pub(crate) fn tamper(folder: &Path, old: &str, new: &str) -> Result<()> {
    let root = fs::read_to_string(folder.join(ROOT_FILE))?;
    ensure!(root.contains(old), "no {old:?} in {root}");
    put(folder, ROOT_FILE, root.replacen(old, new, 1).as_bytes())
}

/// Puts a file into the folder, by a rename.
pub(crate) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let temporary = folder.join(format!(".{name}.new"));
    fs::write(&temporary, bytes)?;
    Ok(fs::rename(temporary, folder.join(name))?)
}

/// A folder that the kubelet fills.
pub(crate) struct Mount {
    folder: PathBuf,
    generation: u32,
}

impl Mount {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), generation: 0 })
    }

    /// Replaces all files as the kubelet does: a new folder, links to it, and `..data` moved onto it by a rename.
    pub(crate) fn swap(&mut self, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        self.generation += 1;
        let folder = self.folder.join(name(self.generation));
        fs::create_dir(&folder)?;
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes)?;
        }
        symlink(name(self.generation), self.folder.join("..data_tmp"))?;
        fs::rename(self.folder.join("..data_tmp"), self.folder.join("..data"))?;
        for name in files.keys() {
            if fs::symlink_metadata(self.folder.join(name)).is_err() {
                symlink(Path::new("..data").join(name), self.folder.join(name))?;
            }
        }
        if self.generation > 1 {
            fs::remove_dir_all(self.folder.join(name(self.generation - 1)))?;
        }
        Ok(())
    }
}

fn name(generation: u32) -> String {
    format!("..generation_{generation}")
}
