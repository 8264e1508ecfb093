//! Ways of writing a folder that a careful writer would not choose.

use std::{fs, path::Path};

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
