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

use super::{
    HoldError,
    budget::{Budget, Permit},
    buffer::Buffer,
    disk::Disk,
};

/// The scratch volume with its budget.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: Arc<OwnedFd>,
    space: Budget,
    disk: Disk,
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
        Ok(Self { directory: Arc::new(directory), space, disk: Disk::start()? })
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
        self.disk.run(move || Ok(ScratchFile { file: create_unlinked(&directory)?, permit })).await.map_err(HoldError::from)
    }

    /// Writes the buffer to the end of the file and empties it.
    ///
    /// File, buffer and permits travel with the work, so that nothing is given back before it is free, even when the caller is cancelled.
    pub(super) async fn append(&self, mut file: ScratchFile, mut buffer: Buffer) -> Result<(ScratchFile, Buffer), HoldError> {
        if !file.permit.grow(buffer.as_slice().len() as u64, 0) {
            self.discard(file);
            return Err(HoldError::ScratchSpent);
        }
        let work = move || {
            file.file.write_all(buffer.as_slice())?;
            buffer.bytes_mut().clear();
            Ok((file, buffer))
        };
        self.disk.run(work).await.map_err(HoldError::from)
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
        self.disk.run(work).await
    }

    /// Frees the file where it may take its time: the file system has to find all that was written.
    pub(super) fn discard(&self, file: ScratchFile) {
        self.disk.run_later(move || drop(file));
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::message::Metrics;

    fn budget(bytes: u64) -> Budget {
        let metrics = Metrics::default();
        let budget = Budget::new(metrics.scratch_held, metrics.scratch_limit);
        budget.set_limit(bytes);
        budget
    }

    fn open(directory: &Path) -> OwnedFd {
        rustix::fs::open(directory, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap()
    }

    #[test]
    fn a_file_system_without_nameless_files_gets_one_whose_name_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = create_and_unlink(&open(directory.path()), OFlags::RDWR | OFlags::CLOEXEC).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        file.write_all(b"content").unwrap();
        assert_eq!(pread(&file, spare_capacity(&mut Vec::with_capacity(9)), 0).unwrap(), 7);
        assert_eq!(file.read(&mut [0; 1]).unwrap(), 0);
    }

    #[tokio::test]
    async fn a_full_volume_is_no_failure_of_ours() {
        let directory = tempfile::tempdir().unwrap();
        let space = budget(1 << 20);
        let scratch = Scratch::open(directory.path(), space.clone()).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let file = ScratchFile { file: full, permit: space.take(0, 0).unwrap() };
        let mut buffer = Buffer::new(&budget(1 << 20), None).unwrap();
        assert!(buffer.fill(b"content").is_empty());
        let error = scratch.append(file, buffer).await.unwrap_err();
        assert!(matches!(error, HoldError::ScratchFull(_)));
        assert_eq!(error.reply().to_string(), "452 4.3.1 Insufficient system storage, try again later");
        assert_eq!(space.free(), 1 << 20);
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(directory.path(), budget(1 << 20)).unwrap();
        let file = scratch.create().await.unwrap();
        let buffer = Buffer::new(&budget(1 << 20), None).unwrap();
        let error = scratch.read(file, buffer, 0).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
