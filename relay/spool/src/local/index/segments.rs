//! What is alive in each segment.

use std::{collections::BTreeMap, sync::Arc};

use super::Place;
use crate::{directory::File, local::format::Void};

/// All segments that are, or may still be, in the directory.
#[derive(Debug, Default)]
pub(in crate::local) struct Segments(BTreeMap<u32, Segment>);

/// A segment.
#[derive(Debug)]
pub(in crate::local) struct Segment {
    pub(in crate::local) file: Arc<dyn File>,
    pub(in crate::local) tag: [u8; 8],
    /// Bytes that it takes on the disk.
    pub(in crate::local) len: u64,
    /// Where its records end, when a part behind them does not count.
    pub(in crate::local) void: Option<Void>,
    /// Whether it can't be removed, because something in it is corrupt and could not be set aside.
    pub(in crate::local) pinned: bool,
    /// Whether records are still appended to it.
    pub(in crate::local) open: bool,
    /// Bytes of all its records.
    records: u64,
    /// Bytes of records that count.
    live: u64,
    /// Bytes of records that bury a message of another segment, and count as long as that segment is there.
    graves: BTreeMap<u32, u64>,
}

/// A record that buries a message of the segment `home`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::local) struct Grave {
    pub(in crate::local) place: Place,
    pub(in crate::local) home: u32,
}

impl Segment {
    pub(in crate::local) fn new(file: Arc<dyn File>, tag: [u8; 8], len: u64) -> Self {
        Self { file, tag, len, void: None, pinned: false, open: false, records: 0, live: 0, graves: BTreeMap::new() }
    }

    /// Bytes that would be lost with it.
    pub(in crate::local) fn live(&self) -> u64 {
        self.live + self.graves.values().sum::<u64>()
    }

    /// Bytes that it takes for nothing.
    pub(in crate::local) fn dead(&self) -> u64 {
        self.records.saturating_sub(self.live())
    }

    /// Whether more than so many tenths of its records are dead.
    pub(in crate::local) fn is_dead_by(&self, tenths: u64) -> bool {
        self.dead() * 10 > self.records * tenths
    }

    /// Whether its records may be moved elsewhere.
    pub(in crate::local) fn is_movable(&self) -> bool {
        !self.open && !self.pinned
    }

    /// Whether it may go.
    pub(in crate::local) fn is_dead(&self) -> bool {
        self.is_movable() && self.live() == 0
    }
}

impl Segments {
    pub(in crate::local) fn insert(&mut self, number: u32, segment: Segment) {
        self.0.insert(number, segment);
    }

    pub(in crate::local) fn get(&self, number: u32) -> Option<&Segment> {
        self.0.get(&number)
    }

    pub(in crate::local) fn get_mut(&mut self, number: u32) -> Option<&mut Segment> {
        self.0.get_mut(&number)
    }

    pub(in crate::local) fn iter(&self) -> impl Iterator<Item = (u32, &Segment)> {
        self.0.iter().map(|(number, segment)| (*number, segment))
    }

    /// The voids of all segments that are there.
    pub(in crate::local) fn voids(&self) -> Vec<Void> {
        self.0.values().filter_map(|segment| segment.void).collect()
    }

    /// A record was found or written at `place`.
    pub(super) fn count(&mut self, place: Place) {
        if let Some(segment) = self.0.get_mut(&place.segment()) {
            segment.records += u64::from(place.len);
        }
    }

    pub(super) fn add_live(&mut self, place: Place) {
        if let Some(segment) = self.0.get_mut(&place.segment()) {
            segment.live += u64::from(place.len);
        }
    }

    pub(super) fn remove_live(&mut self, place: Place) {
        if let Some(segment) = self.0.get_mut(&place.segment()) {
            segment.live = segment.live.saturating_sub(place.len.into());
        }
    }

    /// A grave was dug. Within one segment it need not count: where the one record is, the other is.
    pub(super) fn bury(&mut self, Grave { place, home }: Grave) {
        if home != place.segment()
            && self.0.contains_key(&home)
            && let Some(segment) = self.0.get_mut(&place.segment())
        {
            *segment.graves.entry(home).or_default() += u64::from(place.len);
        }
    }

    /// A grave is not needed any more, since there is another.
    pub(in crate::local) fn unbury(&mut self, Grave { place, home }: Grave) {
        if let Some(segment) = self.0.get_mut(&place.segment())
            && let Some(bytes) = segment.graves.get_mut(&home)
        {
            *bytes = bytes.saturating_sub(place.len.into());
        }
    }

    /// A segment is gone for good: nothing needs to be buried there any more.
    pub(super) fn forget(&mut self, number: u32) {
        self.0.remove(&number);
        for segment in self.0.values_mut() {
            segment.graves.remove(&number);
        }
    }
}
