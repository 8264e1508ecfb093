//! Which object holds which file, where a fixed number of objects holds any number of files.
//!
//! Pods name all the objects, so that none of them changes when a file comes or goes. A file's slot depends on its name; only when that is
//! full does it go on to the next that has room, so that other files nearly always stay where they are.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::inventory::OBJECT_DATA_BYTES;

/// How many objects there are of each sort.
pub(super) const SLOTS: u8 = 16;

/// A slot's number.
pub(super) type Slot = u8;

/// The slot of each file, given their sizes in bytes; or the name of one that finds no room in any.
pub(super) fn assign(sizes: &BTreeMap<String, usize>) -> Result<BTreeMap<&str, Slot>, &str> {
    let mut room = [OBJECT_DATA_BYTES; SLOTS as usize];
    let mut slots = BTreeMap::new();
    let mut displaced = Vec::new();
    // Those that find room at home get it before those that don't.
    for (name, size) in sizes {
        match take(&mut room, [home(name)], *size) {
            Some(slot) => _ = slots.insert(name.as_str(), slot),
            None => displaced.push((name, *size)),
        }
    }
    for (name, size) in displaced {
        let next = (1..SLOTS).map(|step| (home(name) + step) % SLOTS);
        slots.insert(name, take(&mut room, next, size).ok_or(name.as_str())?);
    }
    Ok(slots)
}

fn home(name: &str) -> Slot {
    let hash: [u8; 32] = Sha256::digest(name).into();
    hash[0] % SLOTS
}

/// Takes room in the first of `candidates` that has it.
fn take(room: &mut [usize], candidates: impl IntoIterator<Item = Slot>, size: usize) -> Option<Slot> {
    candidates.into_iter().find(|slot| match room[usize::from(*slot)].checked_sub(size) {
        Some(left) => {
            room[usize::from(*slot)] = left;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: usize, size: usize) -> BTreeMap<String, usize> {
        (0..count).map(|number| (format!("file-{number}"), size)).collect()
    }

    #[test]
    fn a_file_more_leaves_the_others_where_they_are() {
        let few = files(200, 1000);
        let mut more = few.clone();
        more.insert("another".to_owned(), 1000);
        let (before, after) = (assign(&few).unwrap(), assign(&more).unwrap());
        assert!(before.iter().all(|(name, slot)| after[name] == *slot));
        assert!(before.values().collect::<std::collections::BTreeSet<_>>().len() > 10, "spread");
    }

    #[test]
    fn a_slot_that_is_full_leaves_its_files_to_the_next() {
        // Each fills a slot.
        let sizes = files(16, OBJECT_DATA_BYTES);
        let slots = assign(&sizes).unwrap();
        assert_eq!(slots.values().collect::<std::collections::BTreeSet<_>>().len(), 16, "one in each");
        let homes: Vec<_> = sizes.keys().map(|name| home(name)).collect();
        for (name, slot) in &slots {
            let was_first = homes.iter().zip(sizes.keys()).find(|(home, _)| *home == slot).is_none_or(|(_, first)| first == name);
            assert!(was_first, "{name} took the home of another");
        }
    }

    #[test]
    fn what_finds_no_room_is_named() {
        assert!(assign(&files(17, OBJECT_DATA_BYTES)).unwrap_err().starts_with("file-"));
        assert_eq!(assign(&BTreeMap::from([("large".to_owned(), OBJECT_DATA_BYTES + 1)])), Err("large"));
    }
}
