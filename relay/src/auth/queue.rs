//! A bounded queue that is fair between parties.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// Items of many parties. They take turns, whoever has how many.
pub(super) struct FairQueue<P, T> {
    /// Never an empty one.
    waiting: HashMap<P, VecDeque<T>>,
    /// Those who have something waiting, each once.
    turns: VecDeque<P>,
    count: usize,
    most: usize,
}

impl<P: Clone + Eq + Hash, T> FairQueue<P, T> {
    /// A queue for `most` items in all.
    pub(super) fn new(most: usize) -> Self {
        Self { waiting: HashMap::new(), turns: VecDeque::new(), count: 0, most }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds an item behind the others of its party, which may have `most_of_party`. Gives it back when there is no room.
    pub(super) fn push(&mut self, party: P, most_of_party: usize, item: T) -> Result<(), T> {
        let has = self.waiting.get(&party).map_or(0, VecDeque::len);
        if self.count >= self.most || has >= most_of_party {
            return Err(item);
        }
        if has == 0 {
            self.turns.push_back(party.clone());
        }
        self.waiting.entry(party).or_default().push_back(item);
        self.count += 1;
        Ok(())
    }

    /// The first item of the party whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let party = self.turns.pop_front()?;
        let items = self.waiting.get_mut(&party)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.waiting.remove(&party);
        } else {
            self.turns.push_back(party);
        }
        self.count -= usize::from(item.is_some());
        item
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_comes_with_one_waits_for_one_of_each_other() {
        let mut queue = FairQueue::new(100);
        (0..50).for_each(|number| queue.push("greedy", 50, ("greedy", number)).unwrap());
        queue.push("modest", 50, ("modest", 0)).unwrap();
        assert_eq!(queue.pop(), Some(("greedy", 0)));
        assert_eq!(queue.pop(), Some(("modest", 0)));
        assert_eq!(queue.pop(), Some(("greedy", 1)));
    }

    #[test]
    fn neither_one_party_nor_all_together_get_more_than_their_room() {
        let mut queue = FairQueue::new(3);
        assert_eq!(queue.push('a', 2, 1), Ok(()));
        assert_eq!(queue.push('a', 2, 2), Ok(()));
        assert_eq!(queue.push('a', 2, 3), Err(3));
        assert_eq!(queue.push('b', 2, 4), Ok(()));
        assert_eq!(queue.push('c', 2, 5), Err(5));
        queue.pop();
        assert_eq!(queue.push('c', 2, 5), Ok(()));
    }

    proptest! {
        /// Whatever comes and goes: nothing is lost, each party's items keep their order, and nobody is served twice while another waits for once.
        #[test]
        fn turns_are_taken(steps in proptest::collection::vec(proptest::option::of(0_u8..4), 0..200)) {
            let (mut queue, mut number) = (FairQueue::new(1000), 0_u32);
            let mut waiting: HashMap<u8, VecDeque<u32>> = HashMap::new();
            let mut passed: HashMap<u8, HashMap<u8, u32>> = HashMap::new();
            for step in steps {
                if let Some(party) = step {
                    number += 1;
                    queue.push(party, 1000, (party, number)).unwrap();
                    waiting.entry(party).or_default().push_back(number);
                } else if let Some((party, served)) = queue.pop() {
                    prop_assert_eq!(waiting.get_mut(&party).unwrap().pop_front(), Some(served));
                    passed.remove(&party);
                    for (other, _) in waiting.iter().filter(|(other, items)| **other != party && !items.is_empty()) {
                        let times = passed.entry(*other).or_default().entry(party).or_default();
                        *times += 1;
                        prop_assert!(*times <= 1, "{} was served twice while {} waited", party, other);
                    }
                } else {
                    prop_assert!(waiting.values().all(VecDeque::is_empty));
                }
            }
            prop_assert_eq!(queue.len(), waiting.values().map(VecDeque::len).sum::<usize>());
        }
    }
}
