//! A machine with a disk whose power can be cut.
//!
//! What was not synced is kept apart: when the power goes, each write of it reaches the disk or does not, whole or in some of its sectors, in
//! no order; so does each change of a length, and each file that came into a directory or left it. A sync that fails does to a file what it
//! does on Linux: some of what was written is lost, and the next sync does not say so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    io,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use postern_spool::directory::{Directory, File};
use rand::{RngExt as _, SeedableRng, rngs::StdRng};

const SECTOR: usize = 512;

type Inode = u64;

/// The machine.
#[derive(Clone, Debug)]
pub struct Machine(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    directories: BTreeMap<String, Listing>,
    files: BTreeMap<Inode, Content>,
    next_inode: Inode,
    chance: StdRng,
    /// Calls that change something or make it durable.
    calls: u64,
    power_off_at: Option<u64>,
    off: bool,
    capacity: Option<usize>,
    failing: BTreeMap<SyncOf, Failing>,
    sync_time: Duration,
    syncs: u64,
    locked: BTreeSet<String>,
}

/// What is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncOf {
    File,
    Directory,
}

/// Syncs that succeed, and then some that fail.
#[derive(Debug)]
struct Failing {
    good: u32,
    count: u32,
}

#[derive(Clone, Debug, Default)]
struct Listing {
    durable: BTreeMap<String, Inode>,
    now: BTreeMap<String, Inode>,
    /// What is not durable, in its order; without a file, a removal.
    pending: Vec<(String, Option<Inode>)>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    durable: Vec<u8>,
    now: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Data { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Machine {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            directories: BTreeMap::from([(String::new(), Listing::default())]),
            files: BTreeMap::new(),
            next_inode: 0,
            chance: StdRng::seed_from_u64(seed),
            calls: 0,
            power_off_at: None,
            off: false,
            capacity: None,
            failing: BTreeMap::new(),
            sync_time: Duration::ZERO,
            syncs: 0,
            locked: BTreeSet::new(),
        })))
    }

    pub fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(Folder { machine: self.clone(), path: String::new() })
    }

    /// The power goes at this call from now on, 0 being the next: it and all after it fail.
    pub fn cut_power_in(&self, calls: u64) {
        let mut state = self.state();
        state.power_off_at = Some(state.calls + calls);
    }

    pub fn cut_power(&self) {
        self.state().off = true;
    }

    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Calls so far that changed something or made it durable.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Syncs of files and directories so far.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Limits the bytes of all files together.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// Bytes of all files together.
    pub fn used(&self) -> usize {
        self.state().used()
    }

    /// Lets the next syncs fail, of files and of directories alike.
    pub fn fail_syncs(&self, count: u32) {
        self.fail_syncs_of(SyncOf::File, 0, count);
        self.fail_syncs_of(SyncOf::Directory, 0, count);
    }

    /// Lets syncs of one kind fail that come after some good ones.
    pub fn fail_syncs_of(&self, kind: SyncOf, good: u32, count: u32) {
        self.state().failing.insert(kind, Failing { good, count });
    }

    /// Lets every sync take this long.
    pub fn slow_syncs(&self, time: Duration) {
        self.state().sync_time = time;
    }

    fn wait_for_sync(&self) {
        let time = self.state().sync_time;
        thread::sleep(time);
    }

    /// The machine when the power is back.
    pub fn after_power_loss(&self) -> Self {
        let mut state = self.state();
        let State { directories, files, chance, next_inode, .. } = &mut *state;
        let mut seen = Self::new(chance.random());
        let next = seen.state_mut();
        next.next_inode = *next_inode;
        for (path, listing) in directories {
            let names = listing.survivors(chance);
            for inode in names.values() {
                let content = files[inode].survivors(chance);
                next.files.insert(*inode, Content { durable: content.clone(), now: content, pending: Vec::new() });
            }
            next.directories.insert(path.clone(), Listing { durable: names.clone(), now: names, pending: Vec::new() });
        }
        seen
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn state_mut(&mut self) -> &mut State {
        Arc::get_mut(&mut self.0).unwrap().get_mut().unwrap()
    }
}

impl State {
    fn used(&self) -> usize {
        self.directories.values().flat_map(|listing| listing.now.values()).map(|inode| self.files[inode].now.len()).sum()
    }

    /// Counts a call. When the power goes at it, it may be done in part, and fails.
    fn call(&mut self) -> io::Result<()> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        self.off = self.power_off_at == Some(self.calls);
        self.calls += 1;
        Ok(())
    }

    fn done<T>(&self, value: T) -> io::Result<T> {
        if self.off { Err(io::Error::other("the power went")) } else { Ok(value) }
    }

    fn sync_fails(&mut self, kind: SyncOf) -> bool {
        self.syncs += 1;
        let Some(failing) = self.failing.get_mut(&kind) else { return false };
        if failing.good > 0 {
            failing.good -= 1;
            return false;
        }
        let fails = failing.count > 0;
        failing.count = failing.count.saturating_sub(1);
        fails
    }
}

impl Listing {
    fn survivors(&self, chance: &mut StdRng) -> BTreeMap<String, Inode> {
        let mut names = self.durable.clone();
        for (name, inode) in &self.pending {
            match inode {
                _ if chance.random() => {}
                Some(inode) => drop(names.insert(name.clone(), *inode)),
                None => drop(names.remove(name)),
            }
        }
        names
    }
}

impl Content {
    fn survivors(&self, chance: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for change in &self.pending {
            match change {
                _ if chance.random_ratio(1, 3) => {}
                Change::Length(length) => bytes.resize(*length, 0),
                Change::Data { offset, bytes: data } => {
                    let torn = chance.random_ratio(1, 3);
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if !torn || chance.random() {
                            put(&mut bytes, offset + number * SECTOR, sector);
                        }
                    }
                }
            }
        }
        bytes
    }

    /// The sync failed: what reached the disk is durable, and the rest will never be, though it is read as if it were there.
    fn forget_some(&mut self, chance: &mut StdRng) {
        self.durable = self.survivors(chance);
        self.pending.clear();
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

#[derive(Debug)]
struct Folder {
    machine: Machine,
    path: String,
}

#[derive(Debug)]
struct Open {
    machine: Machine,
    inode: Inode,
}

/// Ends a lock.
#[derive(Debug)]
struct Lock(Machine, String);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.state().locked.remove(&self.1);
    }
}

impl Directory for Folder {
    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Directory>> {
        let path = format!("{}/{name}", self.path);
        self.machine.state().directories.entry(path.clone()).or_default();
        Ok(Arc::new(Self { machine: self.machine.clone(), path }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut state = self.machine.state();
        state.call()?;
        if state.directories[&self.path].now.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.next_inode;
        state.next_inode += 1;
        state.files.insert(inode, Content::default());
        let listing = state.directories.get_mut(&self.path).unwrap();
        listing.now.insert(name.to_owned(), inode);
        listing.pending.push((name.to_owned(), Some(inode)));
        state.done(Arc::new(Open { machine: self.machine.clone(), inode }) as Arc<dyn File>)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let state = self.machine.state();
        let inode = *state.directories[&self.path].now.get(name).ok_or(io::ErrorKind::NotFound)?;
        state.done(Arc::new(Open { machine: self.machine.clone(), inode }) as Arc<dyn File>)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.machine.state();
        state.call()?;
        let listing = state.directories.get_mut(&self.path).unwrap();
        listing.now.remove(name).ok_or(io::ErrorKind::NotFound)?;
        listing.pending.push((name.to_owned(), None));
        state.done(())
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let state = self.machine.state();
        state.done(state.directories[&self.path].now.keys().cloned().collect())
    }

    fn sync(&self) -> io::Result<()> {
        self.machine.wait_for_sync();
        let mut state = self.machine.state();
        state.call()?;
        if state.sync_fails(SyncOf::Directory) {
            return Err(io::Error::other("the directory can't be synced"));
        }
        state.done(())?;
        let listing = state.directories.get_mut(&self.path).unwrap();
        listing.durable = listing.now.clone();
        listing.pending.clear();
        Ok(())
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Debug + Send + Sync>>> {
        let mut state = self.machine.state();
        state.done(())?;
        let free = state.locked.insert(self.path.clone());
        drop(state);
        Ok(free.then(|| Box::new(Lock(self.machine.clone(), self.path.clone())) as Box<dyn Debug + Send + Sync>))
    }
}

impl File for Open {
    fn write_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let mut state = self.machine.state();
        state.call()?;
        let mut bytes = parts.concat();
        let offset = usize::try_from(offset).unwrap();
        let growth = (offset + bytes.len()).saturating_sub(state.files[&self.inode].now.len());
        let room = state.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(state.used()));
        let full = growth > room;
        if full {
            bytes.truncate(bytes.len().saturating_sub(growth - room));
        }
        let content = state.files.get_mut(&self.inode).unwrap();
        put(&mut content.now, offset, &bytes);
        content.pending.push(Change::Data { offset, bytes });
        if full { Err(io::ErrorKind::StorageFull.into()) } else { state.done(()) }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.machine.state();
        let bytes = &state.files[&self.inode].now;
        let offset = usize::try_from(offset).unwrap();
        let read = bytes.get(offset..offset + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(read);
        state.done(())
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.machine.state();
        state.call()?;
        let length = usize::try_from(bytes).unwrap();
        let content = state.files.get_mut(&self.inode).unwrap();
        content.now.resize(length, 0);
        content.pending.push(Change::Length(length));
        state.done(())
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.machine.state();
        state.done(state.files[&self.inode].now.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.machine.wait_for_sync();
        let mut state = self.machine.state();
        state.call()?;
        let fails = state.sync_fails(SyncOf::File);
        state.done(())?;
        let State { files, chance, .. } = &mut *state;
        let content = files.get_mut(&self.inode).unwrap();
        if fails {
            content.forget_some(chance);
            return Err(io::Error::other("the file can't be synced"));
        }
        content.durable = content.now.clone();
        content.pending.clear();
        Ok(())
    }
}
