//! The real file system.

use std::{
    fmt::Debug,
    fs::{self, File as OsFile, OpenOptions, TryLockError},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{fs::fdatasync, io::pwritev};

use super::{Directory, File, slices};

/// Most parts that Linux takes in one call (`UIO_MAXIOV`).
pub(super) const MOST_SLICES: usize = 1024;

/// Holds the lock of a directory.
const LOCK: &str = "lock";

/// A directory of the real file system.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// The directory `path`, made if it is not there.
    pub fn open(path: &Path) -> io::Result<Arc<dyn Directory>> {
        if !path.is_dir() {
            fs::create_dir(path)?;
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                OsFile::open(parent)?.sync_all()?;
            }
        }
        Ok(Arc::new(Self { path: path.to_owned() }))
    }

    /// What a spool on the volume of `path` may take unless somebody says otherwise: 80 % of the volume, in bytes.
    pub fn default_quota(path: &Path) -> io::Result<u64> {
        let volume = rustix::fs::statvfs(path)?;
        Ok(volume.f_blocks.saturating_mul(volume.f_frsize) / 5 * 4)
    }
}

impl Directory for Disk {
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        Self::open(&self.path.join(name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).create_new(true).open(self.path.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(self.path.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                // A name that is not UTF-8 is none of ours.
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    fn sync(&self) -> io::Result<()> {
        OsFile::open(&self.path)?.sync_all()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.path.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl File for OsFile {
    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut written = 0;
        while written < length {
            match pwritev(self, &slices(parts, written), offset + written as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        OsFile::set_len(self, bytes)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(fdatasync(self)?)
    }
}
