//! When a pod is told of its configuration, and when it is asked what it runs. Pure: the time comes in.
//!
//! A pod is told by an annotation, which makes the kubelet refresh the pod's volumes at once. The annotation can overtake the data; the kubelet
//! then mounts the old data and comes again a minute later. So a pod that does not run the configuration soon is touched again, later and later.

use std::time::Duration;

use tokio::time::Instant;

use super::{Answer, Wanted};
use crate::cluster::PodFacts;

/// A pod's annotation changes no more often than so: edits that come together are told together.
const SPACING: Duration = Duration::from_secs(1);
/// How long a pod has to run what it was told, before it is touched again. Doubles each time.
const FIRST_TOUCH: Duration = Duration::from_secs(2);
const LAST_TOUCH: Duration = Duration::from_mins(2);
/// How soon a pod is asked after it was told. Doubles each time.
const FIRST_QUESTION: Duration = Duration::from_millis(100);
const LAST_QUESTION: Duration = Duration::from_secs(5);
/// How often a pod is asked that runs what it should, and one that has not answered for long.
const POLL: Duration = Duration::from_secs(45);
/// How soon a pod is asked again that did not answer. Doubles each time.
const FIRST_REPETITION: Duration = Duration::from_secs(1);
/// So many questions may be lost before what a pod answered last counts no more.
const LOSSES: u32 = 3;

/// What is remembered of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// What it answered last.
    pub answer: Option<Answer>,
    /// A question is on its way.
    pub is_asked: bool,
    asked: Option<Instant>,
    /// Questions since it was touched last.
    questions: u32,
    /// Questions without an answer since the last one that had one.
    losses: u32,
    touch: Option<Touch>,
}

#[derive(Clone, Debug, PartialEq)]
struct Touch {
    wanted: Wanted,
    at: Instant,
    /// How often it was touched for this.
    count: u32,
}

/// What to do with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tell it of this, by setting its annotation to this value.
    Touch(Wanted, String),
    /// Ask it.
    Ask,
    /// Nothing before this time.
    Wait(Instant),
    /// Nothing until something changes.
    Rest,
}

impl Memory {
    /// What to do now with the pod, which should run `wanted`.
    #[must_use]
    pub fn step(&self, pod: &PodFacts, wanted: Option<&Wanted>, now: Instant) -> Step {
        if pod.terminating || pod.ip.is_none() {
            return Step::Rest;
        }
        let Some(wanted) = wanted.filter(|wanted| !self.knows(wanted)) else {
            return self.question(now, self.leisure());
        };
        let annotated = Annotated::of(pod, wanted);
        match self.next_touch(pod, wanted, annotated) {
            // What a new pod mounted is as new as the kubelet's copy: perhaps it runs it already.
            _ if self.asked.is_none() => self.question(now, Duration::ZERO),
            Some(at) if at <= now => Step::Touch(wanted.clone(), self.value(wanted, annotated)),
            Some(at) => sooner(self.question(now, self.patience()), Step::Wait(at)),
            None => self.question(now, self.patience()),
        }
    }

    /// It runs what is wanted, or has refused the configuration.
    fn knows(&self, wanted: &Wanted) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.runs(wanted) || answer.refuses(&wanted.configuration))
    }

    fn next_touch(&self, pod: &PodFacts, wanted: &Wanted, annotated: Annotated) -> Option<Instant> {
        let long_ago = self.asked?;
        match &self.touch {
            Some(touch) if touch.wanted == *wanted => Some(touch.at + doubled(FIRST_TOUCH, touch.count.saturating_sub(1)).min(LAST_TOUCH)),
            Some(touch) => Some(touch.at + SPACING),
            // Somebody told it before: this operator, before it was restarted.
            None if matches!(annotated, Annotated::Wanted(_)) => Some(long_ago + FIRST_TOUCH),
            // One that does not even answer is on its way up, or down: it starts with what it should run.
            None if self.answer.is_none() && !pod.ready => None,
            None => Some(long_ago),
        }
    }

    fn value(&self, wanted: &Wanted, annotated: Annotated) -> String {
        let count = match annotated {
            Annotated::Wanted(count) => count + 1,
            Annotated::Other => self.touch.as_ref().filter(|touch| touch.wanted == *wanted).map_or(0, |touch| touch.count),
        };
        if count == 0 { wanted.to_string() } else { format!("{wanted}.{count}") }
    }

    fn question(&self, now: Instant, after: Duration) -> Step {
        match self.asked {
            _ if self.is_asked => Step::Rest,
            Some(asked) if asked + after > now => Step::Wait(asked + after),
            _ => Step::Ask,
        }
    }

    /// How long to wait with the next question for a pod that changes.
    fn patience(&self) -> Duration {
        let most = if self.losses < LOSSES { LAST_QUESTION } else { POLL };
        doubled(FIRST_QUESTION, self.questions).min(most)
    }

    /// And for one that does not.
    fn leisure(&self) -> Duration {
        match self.losses {
            0 => POLL,
            losses => doubled(FIRST_REPETITION, losses - 1).min(POLL),
        }
    }

    /// The pod's annotation was set for `wanted`.
    pub fn touched(&mut self, wanted: &Wanted, now: Instant) {
        let count = self.touch.as_ref().filter(|touch| touch.wanted == *wanted).map_or(0, |touch| touch.count) + 1;
        self.touch = Some(Touch { wanted: wanted.clone(), at: now, count });
        self.questions = 0;
    }

    /// A question was sent.
    pub fn asked(&mut self, now: Instant) {
        self.is_asked = true;
        self.asked = Some(now);
        self.questions = self.questions.saturating_add(1);
    }

    /// It answered, or did not. Says whether that means anything new.
    pub fn answered(&mut self, answer: Option<Answer>) -> bool {
        self.is_asked = false;
        self.losses = if answer.is_some() { 0 } else { self.losses.saturating_add(1) };
        if (1..LOSSES).contains(&self.losses) {
            return false;
        }
        let is_news = match (&self.answer, &answer) {
            (Some(before), Some(now)) => !before.means(now),
            (None, None) => false,
            _ => true,
        };
        self.answer = answer;
        is_news
    }
}

/// What the annotation of a pod says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Annotated {
    /// To run what is wanted; touched again so many times.
    Wanted(u32),
    /// Something else, or nothing.
    Other,
}

impl Annotated {
    fn of(pod: &PodFacts, wanted: &Wanted) -> Self {
        let told = wanted.to_string();
        let rest = pod.config_hash.as_deref().and_then(|value| value.strip_prefix(&told));
        match rest {
            Some("") => Self::Wanted(0),
            Some(rest) => rest.strip_prefix('.').and_then(|count| count.parse().ok()).map_or(Self::Other, Self::Wanted),
            None => Self::Other,
        }
    }
}

fn sooner(one: Step, other: Step) -> Step {
    match (one, other) {
        (Step::Wait(one), Step::Wait(other)) => Step::Wait(one.min(other)),
        (Step::Rest, other) => other,
        (one, _) => one,
    }
}

fn doubled(time: Duration, times: u32) -> Duration {
    time.saturating_mul(1 << times.min(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pod() -> PodFacts {
        PodFacts { name: "edge-1".to_owned(), uid: "1".to_owned(), ip: Some("10.0.0.1".to_owned()), ready: true, ..PodFacts::default() }
    }

    /// A configuration, with keys that stay.
    fn wanted(configuration: &str) -> Wanted {
        Wanted { configuration: configuration.to_owned(), material: "keys".to_owned() }
    }

    fn touch(configuration: &str) -> Step {
        Step::Touch(wanted(configuration), format!("{configuration}-keys"))
    }

    fn runs(hash: &str) -> Answer {
        Answer { config_hash: Some(hash.to_owned()), ..Answer::default() }
    }

    /// A pod that was asked at `at` and runs `hash`.
    fn known(hash: &str, at: Instant) -> Memory {
        let mut memory = Memory::default();
        memory.asked(at);
        memory.answered(Some(runs(hash)));
        memory
    }

    #[test]
    fn a_pod_that_nobody_knows_is_asked_before_it_is_told() {
        let now = Instant::now();
        assert_eq!(Memory::default().step(&pod(), Some(&wanted("a")), now), Step::Ask);
        assert_eq!(known("a", now).step(&pod(), Some(&wanted("a")), now), Step::Wait(now + POLL));
        assert_eq!(known("a", now).step(&pod(), Some(&wanted("a")), now + POLL), Step::Ask);
    }

    #[test]
    fn a_change_is_told_at_once_and_asked_for_soon() {
        let now = Instant::now();
        let mut memory = known("a", now - POLL / 2);
        assert_eq!(memory.step(&pod(), Some(&wanted("b")), now), touch("b"));
        memory.touched(&wanted("b"), now);
        let pod = PodFacts { config_hash: Some("b-keys".to_owned()), ..pod() };
        assert_eq!(memory.step(&pod, Some(&wanted("b")), now), Step::Ask);
        memory.asked(now);
        memory.answered(Some(runs("a")));
        assert_eq!(memory.step(&pod, Some(&wanted("b")), now + 100 * MS), Step::Wait(now + 200 * MS));
        memory.asked(now + 200 * MS);
        assert!(memory.answered(Some(runs("b"))));
        assert_eq!(memory.step(&pod, Some(&wanted("b")), now + 300 * MS), Step::Wait(now + 200 * MS + POLL));
    }

    #[test]
    fn renewed_keys_are_told_like_a_change_until_the_pod_has_them() {
        let now = Instant::now();
        let has = |keys: &str| Answer { material_hash: Some(keys.to_owned()), ..runs("a") };
        let mut memory = known("a", now);
        memory.answered(Some(has("old keys")));
        assert_eq!(memory.step(&pod(), Some(&wanted("a")), now), touch("a"));
        memory.touched(&wanted("a"), now);
        let pod = PodFacts { config_hash: Some("a-keys".to_owned()), ..pod() };
        let later = now + FIRST_TOUCH;
        assert_eq!(memory.step(&pod, Some(&wanted("a")), later), Step::Touch(wanted("a"), "a-keys.1".to_owned()));
        memory.answered(Some(has("keys")));
        assert_eq!(memory.step(&pod, Some(&wanted("a")), later), Step::Wait(now + POLL));
    }

    #[test]
    fn versions_that_are_neighbours_touch_each_others_pods_no_more_than_their_own() {
        let now = Instant::now();
        // A relay of the version before, which does not tell its keys, and an operator of the version before, which told it of none.
        let pod = PodFacts { config_hash: Some("a.3".to_owned()), ..pod() };
        assert_eq!(Memory::default().step(&pod, Some(&wanted("a")), now), Step::Ask);
        assert_eq!(known("a", now).step(&pod, Some(&wanted("a")), now), Step::Wait(now + POLL));
    }

    #[test]
    fn edits_are_told_once_a_second() {
        let start = Instant::now();
        let (mut memory, mut touches) = (known("0", start), 0);
        let mut pod = pod();
        for edit in 1..=200_u32 {
            let now = start + edit * 50 * MS;
            let wanted = wanted(&edit.to_string());
            if let Step::Touch(_, value) = memory.step(&pod, Some(&wanted), now) {
                touches += 1;
                pod.config_hash = Some(value);
                memory.touched(&wanted, now);
            }
        }
        assert_eq!(touches, 10);
    }

    #[test]
    fn a_pod_that_does_not_follow_is_touched_again_later_and_later() {
        let start = Instant::now();
        let (mut memory, mut pod) = (known("a", start), pod());
        let (mut now, mut touches) = (start, Vec::new());
        while now < start + Duration::from_secs(40) {
            match memory.step(&pod, Some(&wanted("b")), now) {
                Step::Touch(_, value) => {
                    touches.push((now.duration_since(start).as_secs(), value.clone()));
                    memory.touched(&wanted("b"), now);
                    pod.config_hash = Some(value);
                }
                Step::Ask => {
                    memory.asked(now);
                    memory.answered(Some(runs("a")));
                }
                Step::Wait(at) => now = at,
                Step::Rest => panic!("it is given up"),
            }
        }
        let at = |second, value: &str| (second, value.to_owned());
        assert_eq!(touches, [at(0, "b-keys"), at(2, "b-keys.1"), at(6, "b-keys.2"), at(14, "b-keys.3"), at(30, "b-keys.4")]);
    }

    #[test]
    fn an_operator_that_was_restarted_goes_on_where_it_was() {
        let now = Instant::now();
        let pod = PodFacts { config_hash: Some("b-keys.3".to_owned()), ..pod() };
        let memory = known("a", now);
        assert!(matches!(memory.step(&pod, Some(&wanted("b")), now), Step::Wait(_)));
        assert_eq!(memory.step(&pod, Some(&wanted("b")), now + FIRST_TOUCH), Step::Touch(wanted("b"), "b-keys.4".to_owned()));
    }

    #[test]
    fn a_pod_that_refused_is_left_alone() {
        let now = Instant::now();
        let mut memory = known("a", now);
        let refusal = super::super::Refusal { hash: Some("b".to_owned()), reasons: vec!["no".to_owned()] };
        memory.answered(Some(Answer { last_refusal: Some(refusal), ..runs("a") }));
        assert_eq!(memory.step(&pod(), Some(&wanted("b")), now), Step::Wait(now + POLL));
    }

    #[test]
    fn a_pod_that_does_not_run_is_not_touched() {
        let now = Instant::now();
        assert_eq!(Memory::default().step(&PodFacts { ip: None, ..pod() }, Some(&wanted("a")), now), Step::Rest);
        assert_eq!(Memory::default().step(&PodFacts { terminating: true, ..pod() }, Some(&wanted("a")), now), Step::Rest);
        let starting = PodFacts { ready: false, ..pod() };
        let mut memory = Memory::default();
        memory.asked(now);
        memory.answered(None);
        for later in 0..60 {
            let step = memory.step(&starting, Some(&wanted("a")), now + Duration::from_secs(later));
            assert!(matches!(step, Step::Ask | Step::Wait(_)), "{step:?}");
        }
    }

    #[test]
    fn one_lost_answer_changes_nothing() {
        let now = Instant::now();
        let mut memory = known("a", now);
        for loss in 1..=LOSSES {
            memory.asked(now);
            assert_eq!(memory.answered(None), loss == LOSSES, "{loss}");
            assert_eq!(memory.answer.is_none(), loss == LOSSES, "{loss}");
        }
        memory.asked(now);
        assert!(memory.answered(Some(runs("a"))));
    }

    #[test]
    fn nothing_is_told_while_there_is_nothing_to_run() {
        let now = Instant::now();
        assert_eq!(known("a", now).step(&pod(), None, now), Step::Wait(now + POLL));
    }
}
