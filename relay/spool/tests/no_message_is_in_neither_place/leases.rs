//! Replicas that share one queue, with leases that end by time, whatever a worker is doing.

use stateright::{Model, Property};

use crate::check;

const REPLICAS: usize = 3;
const RECIPIENTS: usize = 2;
const EVERYONE: [bool; RECIPIENTS] = [true; RECIPIENTS];

/// A case, with one message that has two recipients.
#[derive(Clone)]
struct Relay {
    replicas: usize,
    accidents: u8,
    /// Whether what a lease has ended for is refused.
    fenced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    replicas: [Replica; REPLICAS],
    in_queue: bool,
    /// To whom it was delivered, as the queue says.
    stored: [bool; RECIPIENTS],
    /// To whom the queue said so at any time.
    was_stored: [bool; RECIPIENTS],
    lease: Lease,
    deliveries: [u8; RECIPIENTS],
    excused: [u8; RECIPIENTS],
    accidents: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Replica {
    down: bool,
    worker: Option<Worker>,
}

/// Whose lease is in force: whoever shows the number of another, or of one that has ended, is fenced off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Lease {
    #[default]
    Nobodys,
    Of(usize),
    /// Of a worker that is gone.
    Orphaned,
}

/// Who has claimed the message, and may not know that its lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Worker {
    /// To whom it was delivered, as the worker knows.
    knows: [bool; RECIPIENTS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Claim,
    Deliver(usize),
    LoseReplyOfNextHop(usize),
    Update,
    Finish,
    Release,
    LeaseEnds,
    Crash,
    Drain,
    Restart,
}

impl State {
    /// What the worker knows and did not store is delivered again.
    fn excuse_unstored(&mut self, worker: Worker) {
        for recipient in 0..RECIPIENTS {
            self.excused[recipient] += u8::from(worker.knows[recipient] && !self.stored[recipient]);
        }
    }

    fn store(&mut self, knows: [bool; RECIPIENTS]) {
        self.stored = knows;
        for (was_stored, knows) in self.was_stored.iter_mut().zip(knows) {
            *was_stored |= knows;
        }
    }

    /// When it ends under a worker that goes on, another may deliver too what is not stored.
    fn lease_ends(&mut self) {
        if let Lease::Of(_) = std::mem::take(&mut self.lease) {
            self.accidents -= 1;
            for recipient in 0..RECIPIENTS {
                self.excused[recipient] += u8::from(!self.stored[recipient]);
            }
        }
    }

    /// The worker is gone, and did not say so.
    fn orphan(&mut self, at: usize) {
        if self.lease == Lease::Of(at) {
            self.lease = Lease::Orphaned;
        }
    }
}

impl Relay {
    fn steps(state: &State, at: usize, steps: &mut Vec<Step>) {
        let Replica { down, worker } = state.replicas[at];
        let accident = state.accidents > 0;
        match worker {
            _ if down => steps.push(Step::Restart),
            None => steps.extend((state.in_queue && state.lease == Lease::Nobodys).then_some(Step::Claim)),
            Some(worker) => {
                for recipient in (0..RECIPIENTS).filter(|&recipient| !worker.knows[recipient]) {
                    steps.push(Step::Deliver(recipient));
                    steps.extend(accident.then_some(Step::LoseReplyOfNextHop(recipient)));
                }
                steps.push(if worker.knows == EVERYONE { Step::Finish } else { Step::Update });
                steps.extend([Step::Release, Step::Drain]);
            }
        }
        if !down && accident {
            steps.push(Step::Crash);
        }
    }

    /// Whether the storage does what the worker of this replica asks.
    fn obeys(&self, state: &State, at: usize) -> bool {
        state.in_queue && (state.lease == Lease::Of(at) || !self.fenced)
    }

    /// The worker stores what it knows, and gives the message back. One whose lease is over hears so, and can't.
    fn give_back(&self, state: &mut State, at: usize, worker: Worker) {
        if self.obeys(state, at) {
            state.store(worker.knows);
        }
        if state.lease == Lease::Of(at) {
            state.lease = Lease::Nobodys;
        }
    }
}

impl Model for Relay {
    type State = State;
    type Action = (usize, Step);

    fn init_states(&self) -> Vec<State> {
        vec![State {
            replicas: Default::default(),
            in_queue: true,
            stored: Default::default(),
            was_stored: Default::default(),
            lease: Lease::Nobodys,
            deliveries: Default::default(),
            excused: Default::default(),
            accidents: self.accidents,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Self::Action>) {
        for at in 0..self.replicas {
            let mut steps = Vec::new();
            Self::steps(state, at, &mut steps);
            actions.extend(steps.into_iter().map(|step| (at, step)));
        }
        // Time passes for all; that it ends a lease whose worker is gone is no accident.
        match state.lease {
            Lease::Of(at) if state.in_queue && state.accidents > 0 => actions.push((at, Step::LeaseEnds)),
            Lease::Orphaned if state.in_queue => actions.push((0, Step::LeaseEnds)),
            _ => {}
        }
    }

    fn next_state(&self, last: &State, (at, step): Self::Action) -> Option<State> {
        let mut state = last.clone();
        match (step, state.replicas[at].worker) {
            (Step::Claim, _) => {
                state.lease = Lease::Of(at);
                state.replicas[at].worker = Some(Worker { knows: state.stored });
            }
            (Step::LeaseEnds, _) => state.lease_ends(),
            (Step::Restart, _) => state.replicas[at].down = false,
            (Step::Crash, worker) => {
                state.accidents -= 1;
                if let Some(worker) = worker {
                    state.excuse_unstored(worker);
                }
                state.orphan(at);
                state.replicas[at] = Replica { down: true, worker: None };
            }
            (_, None) => return None,
            (Step::Deliver(recipient), Some(mut worker)) => {
                state.deliveries[recipient] += 1;
                worker.knows[recipient] = true;
                state.replicas[at].worker = Some(worker);
            }
            (Step::LoseReplyOfNextHop(recipient), Some(_)) => {
                state.accidents -= 1;
                state.deliveries[recipient] += 1;
                state.excused[recipient] += 1;
            }
            (Step::Update, Some(worker)) => {
                if self.obeys(&state, at) {
                    state.store(worker.knows);
                } else {
                    state.replicas[at].worker = None;
                }
            }
            (Step::Finish, Some(_)) => {
                state.in_queue &= !self.obeys(&state, at);
                state.replicas[at].worker = None;
            }
            (Step::Release, Some(worker)) => {
                self.give_back(&mut state, at, worker);
                state.replicas[at].worker = None;
            }
            (Step::Drain, Some(worker)) => {
                self.give_back(&mut state, at, worker);
                state.replicas[at] = Replica { down: true, worker: None };
            }
        }
        Some(state)
    }

    /// Without fencing there would be no end.
    fn within_boundary(&self, state: &State) -> bool {
        state.deliveries.iter().zip(state.excused).all(|(&deliveries, excused)| deliveries <= 2 + excused)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SOMEWHERE, |_, state: &State| state.in_queue || state.deliveries.iter().all(|&deliveries| deliveries > 0)),
            Property::always("what the queue says is true", |_, state: &State| {
                (0..RECIPIENTS).all(|recipient| !state.stored[recipient] || state.deliveries[recipient] > 0)
            }),
            Property::always(KEPT, |_, state: &State| {
                !state.in_queue || (0..RECIPIENTS).all(|recipient| state.stored[recipient] || !state.was_stored[recipient])
            }),
            Property::always(NOT_TWICE, |_, state: &State| {
                (0..RECIPIENTS).all(|recipient| state.deliveries[recipient] <= 1 + state.excused[recipient])
            }),
        ]
    }
}

const SOMEWHERE: &str = "a message is in the queue or delivered";
const KEPT: &str = "what was stored is not undone";
const NOT_TWICE: &str = "a message is delivered twice only where an accident was";

fn is_done(state: &State) -> bool {
    !state.in_queue && state.deliveries.iter().all(|&deliveries| deliveries > 0)
}

#[test]
fn with_two_replicas_and_two_accidents() {
    check::holds(&Relay { replicas: 2, accidents: 2, fenced: true }, is_done);
}

#[test]
fn with_three_replicas() {
    check::holds(&Relay { replicas: 3, accidents: 1, fenced: true }, is_done);
}

#[test]
fn without_fencing_a_slow_worker_undoes_what_another_stored() {
    check::is_found(Relay { replicas: 2, accidents: 1, fenced: false }, KEPT);
}

#[test]
fn without_fencing_a_recipient_gets_it_twice() {
    check::is_found(Relay { replicas: 2, accidents: 1, fenced: false }, NOT_TWICE);
}
