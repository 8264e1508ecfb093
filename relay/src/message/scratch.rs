//! Files without a name on the scratch volume.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
    path::Path,
    sync::Arc,
};

use rustix::{
    buffer::spare_capacity,
    fs::{AtFlags, Mode, OFlags},
    io::{Errno, pread, retry_on_intr},
};
use tokio::sync::Semaphore;

use super::{
    HoldError,
    budget::{Budget, Permit},
    buffer::Buffer,
};

/// Disk operations at once. A volume that hangs takes no more threads than this from the rest of the relay.
const LANES: usize = 16;

/// The scratch volume with its budget.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: Arc<OwnedFd>,
    space: Budget,
    lanes: Arc<Semaphore>,
}

/// A file that vanishes with its last descriptor, and the room that it takes.
#[derive(Debug)]
pub(super) struct ScratchFile {
    file: File,
    permit: Permit,
}

impl Scratch {
    /// Opens `directory` and tries whether files can be made in it.
    pub(super) fn open(directory: &Path, space: Budget) -> io::Result<Self> {
        let directory = rustix::fs::open(directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        create_unlinked(&directory)?.write_all(b"writable")?;
        Ok(Self { directory: Arc::new(directory), space, lanes: Arc::new(Semaphore::new(LANES)) })
    }

    /// Sets the room that all files may take together.
    pub(super) fn set_limit(&self, bytes: u64) {
        self.space.set_limit(bytes);
    }

    /// Bytes that could be granted at this moment.
    pub(super) fn free(&self) -> u64 {
        self.space.free()
    }

    /// Makes an empty file.
    pub(super) async fn create(&self) -> Result<ScratchFile, HoldError> {
        let permit = self.space.take(0, 0).ok_or(HoldError::ScratchSpent)?;
        let directory = Arc::clone(&self.directory);
        self.run(move || Ok(ScratchFile { file: create_unlinked(&directory)?, permit })).await.map_err(HoldError::from)
    }

    /// Writes the buffer to the end of the file and empties it.
    ///
    /// File, buffer and permits travel with the work, so that nothing is given back before it is free, even when the caller is cancelled.
    pub(super) async fn append(&self, mut file: ScratchFile, mut buffer: Buffer) -> Result<(ScratchFile, Buffer), HoldError> {
        if !file.permit.grow(buffer.as_slice().len() as u64, 0) {
            return Err(HoldError::ScratchSpent);
        }
        let work = move || {
            file.file.write_all(buffer.as_slice())?;
            buffer.bytes_mut().clear();
            Ok((file, buffer))
        };
        self.run(work).await.map_err(HoldError::from)
    }

    /// Reads what stands at `offset` into the buffer, as much as it can hold.
    pub(super) async fn read(&self, file: ScratchFile, mut buffer: Buffer, offset: u64) -> io::Result<(ScratchFile, Buffer)> {
        let work = move || {
            let bytes = buffer.bytes_mut();
            bytes.clear();
            match retry_on_intr(|| pread(&file.file, spare_capacity(bytes), offset))? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                _ => Ok((file, buffer)),
            }
        };
        self.run(work).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let lane = Arc::clone(&self.lanes).acquire_owned().await.map_err(io::Error::other)?;
        let in_lane = move || {
            let done = work();
            drop(lane);
            done
        };
        tokio::task::spawn_blocking(in_lane).await.map_err(io::Error::other)?
    }
}

fn create_unlinked(directory: &OwnedFd) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, c".", flags | OFlags::TMPFILE, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // The file system or the kernel knows no files without a name.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => create_and_unlink(directory, flags),
        Err(error) => Err(error.into()),
    }
}

fn create_and_unlink(directory: &OwnedFd, flags: OFlags) -> io::Result<File> {
    let name = format!(".postern-{}", uuid::Uuid::now_v7().simple());
    let file = rustix::fs::openat(directory, &name, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)?;
    rustix::fs::unlinkat(directory, &name, AtFlags::empty())?;
    Ok(file.into())
}
