//! Writes the relay's folder in the manner of Kubernetes: every version is a folder of its own, and a link is swapped from one to the next.
//! Whoever follows the link sees the old files or the new ones, and never some of each.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink},
    path::{Path, PathBuf},
};

use crate::files::File;

/// The link to the version in force.
const CURRENT: &str = "..data";
/// How version folders begin.
const VERSION_PREFIX: &str = "..version-";

/// A relay's folder.
#[derive(Debug)]
pub(super) struct RelayFolder {
    path: PathBuf,
    written: Option<BTreeMap<String, File>>,
}

impl RelayFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, written: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `files` in force, unless they are. Whether anything was written.
    pub(super) fn write(&mut self, files: BTreeMap<String, File>) -> io::Result<bool> {
        if self.written.as_ref() == Some(&files) {
            return Ok(false);
        }
        private_folder(&self.path)?;
        let version = self.new_version()?;
        for (name, file) in &files {
            write_file(&self.path.join(&version).join(name), file)?;
        }
        // New names are links to nothing until the swap, so that no reader of the new version misses one.
        self.link(&files)?;
        self.swap(&version)?;
        self.unlink_others(&files)?;
        self.remove_others(&version)?;
        self.written = Some(files);
        Ok(true)
    }

    /// A name that no version had before, made as a folder.
    fn new_version(&self) -> io::Result<String> {
        let mut number = jiff::Timestamp::now().as_microsecond();
        loop {
            let name = format!("{VERSION_PREFIX}{number}");
            match DirBuilder::new().mode(0o700).create(self.path.join(&name)) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn swap(&self, version: &str) -> io::Result<()> {
        let new = self.path.join("..data_new");
        remove_if_there(&new)?;
        symlink(version, &new)?;
        fs::rename(new, self.path.join(CURRENT))
    }

    /// The visible names are links through [`CURRENT`], so that they change with it.
    fn link(&self, files: &BTreeMap<String, File>) -> io::Result<()> {
        for name in files.keys() {
            let link = self.path.join(name);
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new(CURRENT).join(name), link)?;
            }
        }
        Ok(())
    }

    fn unlink_others(&self, files: &BTreeMap<String, File>) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with("..") && !files.contains_key(&*name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn remove_others(&self, version: &str) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(VERSION_PREFIX) && name != version {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Makes a folder that nobody else may enter, and its parents.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes `content` the content of a file of this user alone, in one step, unless it is already.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

fn write_file(path: &Path, file: &File) -> io::Result<()> {
    let mode = if file.is_key { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(&file.content)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
