//! Whatever is done in whatever order, and wherever the spool is closed and opened again between: a queue that is as simple as can be agrees.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use std::collections::BTreeMap;

use common::{
    machine::Machine,
    mail::{LEASE, attempts, content, entry, minutes, names, noon, open, put, read, reopen, set_attempts},
};
use postern_spool::{Claim, MessageId, Reach, Spool, SpoolError, Status};
use proptest::{prelude::*, sample::Index};
use tokio::runtime::Runtime;

#[derive(Clone, Debug)]
enum Step {
    Put {
        len: usize,
        due: i64,
    },
    /// Claim what is due at the minute, and then: store attempts, or finish.
    Deliver {
        now: i64,
        limit: usize,
        finish: bool,
    },
    Hold(Index),
    Resume(Index),
    Reschedule(Index, i64),
    Remove(Index),
    /// Put in again what was taken out.
    PutBack(Index),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let minute = 0_i64..20;
    prop_oneof![
        8 => (prop_oneof![9 => 0_usize..3_000, 1 => 65_000_usize..140_000], minute.clone()).prop_map(|(len, due)| Step::Put { len, due }),
        8 => (minute.clone(), 1_usize..5, any::<bool>()).prop_map(|(now, limit, finish)| Step::Deliver { now, limit, finish }),
        1 => any::<Index>().prop_map(Step::Hold),
        1 => any::<Index>().prop_map(Step::Resume),
        1 => (any::<Index>(), minute).prop_map(|(index, due)| Step::Reschedule(index, due)),
        2 => any::<Index>().prop_map(Step::Remove),
        2 => any::<Index>().prop_map(Step::PutBack),
        2 => Just(Step::Reopen),
    ]
}

#[derive(Clone, Debug)]
struct Naive {
    len: usize,
    due: i64,
    held: bool,
    attempts: u32,
    /// Where the statuses say that it is due, whatever it was rescheduled to.
    stated: i64,
}

#[derive(Default)]
struct Model {
    queue: BTreeMap<MessageId, Naive>,
    gone: Vec<MessageId>,
}

impl Model {
    fn pick(&self, index: Index) -> Option<MessageId> {
        let ids: Vec<_> = self.queue.keys().copied().collect();
        (!ids.is_empty()).then(|| *index.get(&ids))
    }

    async fn put<S: Spool>(&mut self, spool: &S, id: MessageId, len: usize, due: i64) {
        let mut entry = postern_spool::Entry::new(id, entry().envelope().clone());
        entry.statuses_mut()[0] = Status::first(minutes(due));
        put(spool, entry, &content(id, len)).await.unwrap();
        self.queue.insert(id, Naive { len, due, held: false, attempts: 0, stated: due });
    }

    async fn deliver<S: Spool>(&mut self, spool: &S, now: i64, limit: usize, finish: bool) {
        let mut expected: Vec<_> =
            self.queue.iter().filter(|(_, naive)| !naive.held && naive.due <= now).map(|(id, naive)| (naive.due, *id)).collect();
        expected.sort_unstable();
        expected.truncate(limit);
        let claims = spool.claim(Reach::Due, minutes(now), LEASE, limit).await.unwrap();
        assert_eq!(
            claims.iter().map(|claim| claim.entry().id()).collect::<Vec<_>>(),
            expected.iter().map(|(_, id)| *id).collect::<Vec<_>>()
        );
        for mut claim in claims {
            let id = claim.entry().id();
            if finish {
                claim.finish().await.unwrap();
                self.queue.remove(&id);
                self.gone.push(id);
            } else {
                let naive = self.queue.get_mut(&id).unwrap();
                naive.attempts += 1;
                naive.due = naive.stated;
                set_attempts(&mut claim, naive.attempts).await.unwrap();
            }
        }
    }

    async fn assert_agrees<S: Spool>(&self, spool: &S) {
        assert_eq!(names(spool).await, self.queue.keys().copied().collect::<Vec<_>>());
        for (id, naive) in &self.queue {
            let listed = spool.get(*id).await.unwrap();
            let found = (listed.due, listed.held, attempts(&listed.entry));
            assert_eq!(found, (minutes(naive.due), naive.held, naive.attempts));
            assert!(read(spool.body(*id).await.unwrap()).await.unwrap() == content(*id, naive.len));
        }
        let due = self.queue.values().filter(|naive| !naive.held).map(|naive| minutes(naive.due)).min();
        assert_eq!(*spool.next_due().borrow(), due);
        let statistics = spool.statistics().await.unwrap();
        assert_eq!(statistics.body_bytes, self.queue.values().map(|naive| naive.len as u64).sum::<u64>());
        assert_eq!(statistics.held, self.queue.values().filter(|naive| naive.held).count() as u64);
        assert_eq!(spool.claim(Reach::Due, noon() - LEASE, LEASE, 1).await.unwrap().len(), 0);
    }
}

async fn run(steps: Vec<Step>) {
    let machine = Machine::new(0);
    let directory = machine.directory();
    let (mut spool, _) = open(&directory).await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put { len, due } => model.put(&spool, MessageId::new(), len, due).await,
            Step::Deliver { now, limit, finish } => model.deliver(&spool, now, limit, finish).await,
            Step::Hold(index) | Step::Resume(index) => {
                if let Some(id) = model.pick(index) {
                    let held = matches!(step, Step::Hold(_));
                    if held {
                        spool.hold(id).await.unwrap();
                    } else {
                        spool.resume(id).await.unwrap();
                    }
                    model.queue.get_mut(&id).unwrap().held = held;
                }
            }
            Step::Reschedule(index, due) => {
                if let Some(id) = model.pick(index) {
                    spool.reschedule(id, minutes(due)).await.unwrap();
                    model.queue.get_mut(&id).unwrap().due = due;
                }
            }
            Step::Remove(index) => {
                if let Some(id) = model.pick(index) {
                    spool.remove(id).await.unwrap();
                    model.queue.remove(&id);
                    model.gone.push(id);
                }
            }
            Step::PutBack(index) => {
                if !model.gone.is_empty() {
                    let at = index.index(model.gone.len());
                    let id = model.gone.swap_remove(at);
                    model.put(&spool, id, 100, 3).await;
                }
            }
            Step::Reopen => {
                spool = reopen(spool, &directory).await.0;
                model.assert_agrees(&spool).await;
            }
        }
        for id in &model.gone {
            assert!(matches!(spool.get(*id).await, Err(SpoolError::NotFound(_))));
        }
    }
    model.assert_agrees(&spool).await;
    let (spool, recovery) = reopen(spool, &directory).await;
    assert_eq!(recovery.set_aside, []);
    model.assert_agrees(&spool).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn on_everything(steps in proptest::collection::vec(step(), 1..120)) {
        Runtime::new().unwrap().block_on(run(steps));
    }
}
