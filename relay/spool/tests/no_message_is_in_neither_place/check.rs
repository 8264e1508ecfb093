//! Checks a model in all of its states.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Debug,
    hash::Hash,
};

use stateright::{Checker as _, HasDiscoveries, Model};

/// Every state of the model, and the states behind each. All of its properties hold, and from each state one is reached that `is_good`.
pub(crate) fn holds<M>(model: &M, is_good: impl Fn(&M::State) -> bool) -> usize
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Debug + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = model.clone().checker().spawn_bfs().join();
    checker.assert_properties();
    let states = checker.unique_state_count();
    assert_eq!(stuck(model, is_good), None, "a state from which nothing good is reached");
    println!("{states} states");
    states
}

/// What the checker finds of the property in a model with a flaw: how it comes to break it.
pub(crate) fn is_found<M>(model: M, property: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Eq + Hash + Send + Sync,
    M::Action: Clone + Debug + PartialEq,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyOf([property].into())).spawn_bfs().join();
    let found = checker.discovery(property);
    println!("{property}: {:?}", found.map(stateright::Path::into_actions).expect("the flaw breaks the property"));
}

/// A state from which no good one is reached: in a finite model, mail could stay for ever there, however fair the world is.
fn stuck<M: Model>(model: &M, is_good: impl Fn(&M::State) -> bool) -> Option<M::State>
where
    M::State: Clone + Eq + Hash,
{
    let (states, before) = graph(model);
    let mut reaches: Vec<bool> = states.iter().map(is_good).collect();
    let mut queue: VecDeque<usize> = (0..states.len()).filter(|&state| reaches[state]).collect();
    while let Some(state) = queue.pop_front() {
        for &earlier in &before[state] {
            if !std::mem::replace(&mut reaches[earlier], true) {
                queue.push_back(earlier);
            }
        }
    }
    reaches.iter().position(|reaches| !reaches).map(|state| states[state].clone())
}

/// All states, and for each those from which one step leads there.
fn graph<M: Model>(model: &M) -> (Vec<M::State>, Vec<Vec<usize>>)
where
    M::State: Clone + Eq + Hash,
{
    let mut states = model.init_states();
    let mut numbers: HashMap<M::State, usize> = states.iter().cloned().zip(0..).collect();
    let mut before = vec![Vec::new(); states.len()];
    let mut at = 0;
    while at < states.len() {
        for next in model.next_states(&states[at]) {
            let number = *numbers.entry(next).or_insert_with_key(|next| {
                states.push(next.clone());
                before.push(Vec::new());
                states.len() - 1
            });
            before[number].push(at);
        }
        at += 1;
    }
    (states, before)
}
