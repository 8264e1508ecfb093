//! Replicas with a queue each, which hand it over when they end.

use stateright::{Model, Property};

use crate::check;

/// Most replicas and messages of a case.
const REPLICAS: usize = 3;
const MESSAGES: usize = 2;

/// A case.
#[derive(Clone)]
struct Relay {
    replicas: usize,
    messages: usize,
    /// Accidents that may happen: crashes, and answers that are lost.
    accidents: u8,
    /// Replicas that may be told to end.
    ends: u8,
    flaw: Option<Flaw>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A message is finished here before it is committed there.
    FinishFirst,
    /// A replica does not remember what it took from peers.
    Forgetful,
    /// After a lost answer, another peer is asked.
    AnotherPeer,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    replicas: [Replica; REPLICAS],
    messages: [Fate; MESSAGES],
    accidents: u8,
    ends: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Replica {
    phase: Phase,
    /// What is in the queue on its disk.
    queue: [bool; MESSAGES],
    /// What it took from peers, as far as it remembers.
    taken: [bool; MESSAGES],
    work: [Work; MESSAGES],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Running,
    Ending,
    Down,
}

/// What a replica does with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Work {
    #[default]
    Nothing,
    /// It is on its way to the next hop.
    Delivering,
    /// The next hop took it, and said so.
    Delivered,
    /// It is on its way to this replica.
    Sending(usize),
    /// That replica has it, and the answer is on its way.
    Committed(usize),
    /// That replica may have it.
    Doubt(usize),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Fate {
    acknowledged: bool,
    /// How often a next hop took it.
    deliveries: u8,
    /// How many of these are an accident's fault at most.
    excused: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Accept,
    Claim,
    Deliver,
    LoseReplyOfNextHop,
    Finish,
    Send(usize),
    Receive,
    LoseRequest,
    LoseAnswer,
    Forget,
    AskAgain,
    AskAnother,
    Crash,
    End,
    GraceIsOver,
    Restart,
}

/// Which replica does what with which message; for steps of a replica as a whole the message is 0.
type Action = (usize, usize, Step);

impl Relay {
    fn steps_of_message(&self, state: &State, (at, message): (usize, usize), steps: &mut Vec<Step>) {
        let replica = &state.replicas[at];
        let accident = state.accidents > 0;
        match replica.work[message] {
            Work::Nothing if replica.queue[message] && replica.phase == Phase::Running => steps.push(Step::Claim),
            Work::Nothing if replica.queue[message] => {
                let peers = (0..self.replicas).filter(|&peer| peer != at && state.replicas[peer].phase != Phase::Down);
                steps.extend(peers.map(Step::Send));
            }
            Work::Nothing if !state.messages[message].acknowledged && replica.phase == Phase::Running => steps.push(Step::Accept),
            Work::Nothing => {}
            Work::Delivering => {
                steps.push(Step::Deliver);
                steps.extend(accident.then_some(Step::LoseReplyOfNextHop));
            }
            Work::Delivered => steps.push(Step::Finish),
            Work::Sending(_) => {
                steps.push(Step::Receive);
                steps.extend(accident.then_some(Step::LoseRequest));
            }
            Work::Committed(_) => {
                steps.push(Step::Forget);
                steps.extend(accident.then_some(Step::LoseAnswer));
            }
            Work::Doubt(peer) if state.replicas[peer].phase == Phase::Down => steps.push(Step::AskAnother),
            Work::Doubt(_) if self.flaw == Some(Flaw::AnotherPeer) => steps.push(Step::AskAnother),
            Work::Doubt(_) => steps.push(Step::AskAgain),
        }
    }

    fn steps_of_replica(state: &State, at: usize, steps: &mut Vec<Step>) {
        let phase = state.replicas[at].phase;
        if phase != Phase::Down && state.accidents > 0 {
            steps.push(Step::Crash);
        }
        match phase {
            Phase::Running if state.ends > 0 => steps.push(Step::End),
            Phase::Ending => steps.push(Step::GraceIsOver),
            Phase::Down => steps.push(Step::Restart),
            Phase::Running => {}
        }
    }

    /// The peer hears of a message: it takes it, has it already, or ends itself.
    fn receive(&self, state: &mut State, (at, message): (usize, usize), peer: usize) {
        let replica = &mut state.replicas[peer];
        let knows = replica.taken[message] || (replica.queue[message] && replica.phase == Phase::Running);
        let takes = !knows && replica.phase == Phase::Running;
        if takes {
            replica.queue[message] = true;
            replica.taken[message] = self.flaw != Some(Flaw::Forgetful);
        }
        let heard = if knows || takes { Work::Committed(peer) } else { Work::Nothing };
        state.replicas[at].work[message] = heard;
    }
}

impl State {
    /// The process is gone, and with it what only it knew. What that can do twice is excused.
    fn stop(&mut self, at: usize) {
        for message in 0..MESSAGES {
            let work = std::mem::take(&mut self.replicas[at].work[message]);
            let was_with_somebody = !matches!(work, Work::Nothing | Work::Delivering);
            let asked = self.replicas.iter().filter(|other| other.work[message].is_with(at)).count();
            let forgotten = if self.replicas[at].taken[message] { asked } else { 0 };
            self.messages[message].excused += u8::from(was_with_somebody) + u8::try_from(forgotten).unwrap();
        }
        self.replicas[at].taken = Default::default();
        self.replicas[at].phase = Phase::Down;
    }

    fn work(&mut self, (at, message): (usize, usize), work: Work) {
        self.replicas[at].work[message] = work;
    }

    fn is_done(&self) -> bool {
        self.messages.iter().all(|fate| !fate.acknowledged || fate.deliveries > 0)
            && self.replicas.iter().all(|replica| replica.queue == [false; MESSAGES])
    }
}

impl Work {
    fn is_with(self, peer: usize) -> bool {
        matches!(self, Self::Sending(to) | Self::Committed(to) | Self::Doubt(to) if to == peer)
    }
}

impl Model for Relay {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { replicas: Default::default(), messages: Default::default(), accidents: self.accidents, ends: self.ends }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for at in 0..self.replicas {
            let mut steps = Vec::new();
            Self::steps_of_replica(state, at, &mut steps);
            actions.extend(steps.drain(..).map(|step| (at, 0, step)));
            if state.replicas[at].phase == Phase::Down {
                continue;
            }
            for message in 0..self.messages {
                self.steps_of_message(state, (at, message), &mut steps);
                actions.extend(steps.drain(..).map(|step| (at, message, step)));
            }
        }
    }

    fn next_state(&self, last: &State, (at, message, step): Action) -> Option<State> {
        let (mut state, place) = (last.clone(), (at, message));
        let work = state.replicas[at].work[message];
        match step {
            Step::Accept => {
                state.replicas[at].queue[message] = true;
                state.messages[message].acknowledged = true;
            }
            Step::Claim => state.work(place, Work::Delivering),
            Step::Deliver => {
                state.messages[message].deliveries += 1;
                state.work(place, Work::Delivered);
            }
            Step::LoseReplyOfNextHop => {
                state.accidents -= 1;
                state.messages[message].deliveries += 1;
                state.messages[message].excused += 1;
                state.work(place, Work::Nothing);
            }
            Step::Finish | Step::Forget => {
                state.replicas[at].queue[message] = false;
                state.work(place, Work::Nothing);
            }
            Step::Send(peer) => {
                if self.flaw == Some(Flaw::FinishFirst) {
                    state.replicas[at].queue[message] = false;
                }
                state.work(place, Work::Sending(peer));
            }
            Step::Receive => {
                let Work::Sending(peer) = work else { return None };
                if state.replicas[peer].phase == Phase::Down {
                    // It can't be reached; whether it has it from an earlier time is in doubt, or not.
                    state.work(place, Work::Doubt(peer));
                } else {
                    self.receive(&mut state, place, peer);
                }
            }
            Step::LoseRequest | Step::LoseAnswer => {
                let (Work::Sending(peer) | Work::Committed(peer)) = work else { return None };
                state.accidents -= 1;
                state.work(place, Work::Doubt(peer));
            }
            Step::AskAgain => {
                let Work::Doubt(peer) = work else { return None };
                state.work(place, Work::Sending(peer));
            }
            Step::AskAnother => {
                let Work::Doubt(peer) = work else { return None };
                if state.replicas[peer].phase == Phase::Down {
                    state.messages[message].excused += 1;
                }
                state.work(place, Work::Nothing);
            }
            Step::Crash => {
                state.accidents -= 1;
                state.stop(at);
            }
            Step::GraceIsOver => state.stop(at),
            Step::End => {
                state.ends -= 1;
                state.replicas[at].phase = Phase::Ending;
            }
            Step::Restart => state.replicas[at].phase = Phase::Running,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SOMEWHERE, |_, state: &State| {
                (0..MESSAGES).all(|message| {
                    let fate = state.messages[message];
                    !fate.acknowledged || fate.deliveries > 0 || state.replicas.iter().any(|replica| replica.queue[message])
                })
            }),
            Property::always(NOT_TWICE, |_, state: &State| state.messages.iter().all(|fate| fate.deliveries <= 1 + fate.excused)),
            Property::sometimes("a replica ends with an empty queue, and its mail is elsewhere", |relay: &Self, state: &State| {
                relay.flaw.is_some()
                    || (0..relay.messages).all(|message| state.messages[message].acknowledged && state.messages[message].deliveries == 0)
                        && state.replicas.iter().any(|replica| replica.phase == Phase::Ending && replica.queue == [false; MESSAGES])
            }),
        ]
    }
}

const SOMEWHERE: &str = "a message that was acknowledged is in a queue or delivered";
const NOT_TWICE: &str = "a message is delivered twice only where an accident was";

fn relay(replicas: usize, messages: usize, accidents: u8, ends: u8) -> Relay {
    Relay { replicas, messages, accidents, ends, flaw: None }
}

#[test]
fn with_two_replicas_and_two_messages() {
    check::holds(&relay(2, 2, 1, 1), State::is_done);
}

#[test]
fn with_two_replicas_and_two_accidents() {
    check::holds(&relay(2, 1, 2, 2), State::is_done);
}

#[test]
fn with_three_replicas_of_which_two_end() {
    check::holds(&relay(3, 1, 1, 2), State::is_done);
}

#[test]
fn finishing_first_loses_mail() {
    check::is_found(Relay { flaw: Some(Flaw::FinishFirst), ..relay(2, 1, 1, 1) }, SOMEWHERE);
}

#[test]
fn forgetting_what_was_taken_delivers_twice() {
    check::is_found(Relay { flaw: Some(Flaw::Forgetful), ..relay(2, 1, 1, 1) }, NOT_TWICE);
}

#[test]
fn asking_another_peer_in_doubt_delivers_twice() {
    check::is_found(Relay { flaw: Some(Flaw::AnotherPeer), ..relay(3, 1, 1, 1) }, NOT_TWICE);
}
