//! What the local engine asks of a file system. It is this small so that tests can put a model of a disk in its place, which forgets what was
//! not synced.

mod disk;

use std::{
    fmt::Debug,
    io::{self, IoSlice},
    sync::Arc,
};

pub use disk::Disk;

/// A directory. Every call may block.
///
/// What is created or removed in it survives a loss of power only after [`sync`](Self::sync).
pub trait Directory: Debug + Send + Sync {
    /// The directory of this name in it, made if it is not there.
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>>;

    /// Makes a file, which must not be there.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a file that is there.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Removes a file. Who has it open still reads it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files in it.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Makes durable which files are in it.
    fn sync(&self) -> io::Result<()>;

    /// Keeps others away for as long as what it gives is not dropped; `None` when somebody else does.
    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>>;
}

/// An open file. Every call may block.
///
/// What is written, and the length, survive a loss of power only after [`sync`](Self::sync).
pub trait File: Debug + Send + Sync {
    /// Writes all parts, one behind the other, from `offset` on. After an error some of it may be written.
    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()>;

    /// Fills `buffer` from `offset` on; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Cuts or extends it.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Its length.
    fn length(&self) -> io::Result<u64>;

    /// Makes content and length durable. After an error it is unknown what is on the disk, and asking again does not tell: the kernel forgets
    /// that pages are dirty when it fails to write them.
    fn sync(&self) -> io::Result<()>;
}

/// The parts as the kernel takes them, without what was written already.
fn slices<'a>(parts: &[&'a [u8]], mut written: usize) -> Vec<IoSlice<'a>> {
    let mut slices = Vec::with_capacity(parts.len().min(disk::MOST_SLICES));
    for part in parts {
        if written >= part.len() {
            written -= part.len();
        } else if slices.len() < disk::MOST_SLICES {
            slices.push(IoSlice::new(&part[written..]));
            written = 0;
        } else {
            break;
        }
    }
    slices
}
