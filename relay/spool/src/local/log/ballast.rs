//! Room that is kept for when there is none.
//!
//! On a full volume nothing could be written down, not even that a message was delivered; it would be delivered again and again. So a file takes
//! some room from the start, and gives it up for records that lead to more.

use std::{io, sync::Arc};

use crate::{directory::Directory, local::store::Usage};

const NAME: &str = "ballast";

/// The least that is of use: a new segment and some hundred records that end messages.
const LEAST_BYTES: u64 = 16 * 1024;
/// More is never needed: when so many messages have ended, whole segments have, too.
const MOST_BYTES: u64 = 1024 * 1024;

/// Room that is kept for when there is none.
#[derive(Debug)]
pub(in crate::local) struct Ballast {
    directory: Arc<dyn Directory>,
    bytes: u64,
    there: bool,
}

impl Ballast {
    /// The ballast for segments of this size. It is there already if it was left so.
    pub(in crate::local) fn open(directory: Arc<dyn Directory>, segment_bytes: u64, usage: &Usage) -> io::Result<Self> {
        let bytes = (segment_bytes / 64).clamp(LEAST_BYTES, MOST_BYTES);
        let mut ballast = Self { directory, bytes, there: false };
        if ballast.directory.names()?.iter().any(|name| name == NAME) {
            if ballast.directory.open(NAME)?.length()? == bytes {
                ballast.there = true;
                usage.add(bytes);
            } else {
                ballast.directory.remove(NAME)?;
            }
        }
        Ok(ballast)
    }

    /// Takes the room again, if there is enough.
    pub(super) fn take(&mut self, usage: &Usage) {
        if self.there || usage.check(self.bytes).is_err() {
            return;
        }
        match self.write() {
            Ok(()) => {
                self.there = true;
                usage.add(self.bytes);
            }
            // There is not enough yet.
            Err(_) => drop(self.directory.remove(NAME)),
        }
    }

    fn write(&self) -> io::Result<()> {
        let file = self.directory.create(NAME)?;
        let zeros = vec![0; usize::try_from(self.bytes).map_err(io::Error::other)?];
        file.write_at(&[&zeros], 0)?;
        file.sync()
    }

    /// Gives the room up; whether there was any.
    pub(super) fn give(&mut self, usage: &Usage) -> bool {
        if !self.there || self.directory.remove(NAME).is_err() {
            return false;
        }
        self.there = false;
        usage.sub(self.bytes);
        true
    }
}
