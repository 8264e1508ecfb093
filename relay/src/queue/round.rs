//! One message, from its claim to its end or to its next turn.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use postern_proto::reply::Reply;
use postern_spool::{Claim, Envelope, MessageId, Spool, SpoolError, Status};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    attempt::{Outcome, Verdict, attempt},
    content::Content,
    journal,
    metrics::Class,
    notify::mark_told,
    plan::{Group, Plan, Who},
    progress::{Clock, failure},
    report::Kind,
    reporting::{Reporter, Subject},
    retry::later,
    sites::Admission,
    works::{Setting, Works},
};

/// How long a message is ours without a word from us: so long it waits for another relay when this one dies.
pub(super) const LEASE: Duration = Duration::from_mins(2);
/// How often we say that we are still there.
const RENEWAL: Duration = Duration::from_secs(40);
/// For how long it is tried to store what became of a message.
const STORE_PATIENCE: Duration = Duration::from_mins(15);
/// The longest pause between two tries.
const STORE_PAUSE: Duration = Duration::from_secs(15);
/// When a report that could not be queued is tried again, and a message whose delivery broke off.
const AGAIN: Duration = Duration::from_mins(1);

/// One message that is claimed.
pub(super) struct Round<S: Spool> {
    works: Arc<Works<S>>,
    claim: S::Claim,
    setting: Setting,
    envelope: Arc<Envelope>,
    renewal: Instant,
    /// Its content is not what was stored, so the spool does not have it any more.
    is_corrupt: bool,
}

/// What came of a group.
struct Done {
    group: Group,
    end: End,
}

enum End {
    Attempted(Outcome),
    Refused(Admission),
    /// The relay ends.
    NotBegun,
}

/// What each delivery needs to know of its message.
#[derive(Clone)]
struct Letter {
    id: MessageId,
    envelope: Arc<Envelope>,
    bytes: u64,
}

impl<S: Spool> Round<S> {
    pub(super) fn new(works: Arc<Works<S>>, claim: S::Claim, setting: Setting) -> Self {
        let envelope = Arc::new(claim.entry().envelope().clone());
        Self { works, claim, setting, envelope, renewal: Instant::now() + RENEWAL, is_corrupt: false }
    }

    /// Delivers to all that are due, reports what is to be reported, and gives the message back or ends it.
    pub(super) async fn run(self) {
        let id = self.claim.entry().id();
        if let Err(error) = self.work().await {
            journal::interrupted(id, &error);
        }
    }

    async fn work(mut self) -> Result<(), SpoolError> {
        let now = Timestamp::now();
        let who = Who::of(self.claim.entry(), now);
        // What a crash left undone. Whether it is late is told after the attempt that may end that.
        if self.report(&[Kind::Failed, Kind::Relayed]).await? {
            let plan = Plan::new(&self.setting.snapshot.policy, self.claim.entry(), who);
            self.deliver(plan).await?;
            self.report(&[Kind::Failed, Kind::Relayed, Kind::Delayed]).await?;
        }
        self.end().await
    }

    async fn deliver(&mut self, plan: Plan) -> Result<(), SpoolError> {
        if !plan.refused.is_empty() {
            let verdicts: Vec<_> = plan.refused.into_iter().map(|(place, reply)| Verdict::own(place, reply)).collect();
            self.note(&verdicts, Class::Nowhere);
            self.store().await?;
        }
        // Deliveries end with this future, unless they are waited for.
        let mut deliveries = JoinSet::new();
        let letter = self.letter();
        self.begin(&mut deliveries, &letter, plan.groups);
        loop {
            tokio::select! {
                done = deliveries.join_next() => match done {
                    Some(Ok(done)) => {
                        let onward = self.take(done).await?;
                        self.begin(&mut deliveries, &letter, onward);
                    }
                    // A panic: its recipients stay as they are, and are not tried again at once.
                    Some(Err(error)) => {
                        journal::broke_off(letter.id, &error);
                        self.works.spool.reschedule(letter.id, later(Timestamp::now(), AGAIN)).await?;
                    }
                    None => break,
                },
                () = sleep_until(self.renewal) => self.renew().await?,
            }
        }
        if self.is_corrupt {
            self.give_up();
        }
        Ok(())
    }

    fn letter(&self) -> Letter {
        Letter { id: self.claim.entry().id(), envelope: Arc::clone(&self.envelope), bytes: self.claim.body_bytes() }
    }

    fn begin(&self, deliveries: &mut JoinSet<Done>, letter: &Letter, groups: Vec<Group>) {
        for group in groups {
            deliveries.spawn(deliver(Arc::clone(&self.works), self.setting.clone(), letter.clone(), group));
        }
    }

    /// Stores what came of a group before anything else is done: what was delivered is delivered again if we end before. Gives the groups that
    /// follow from it.
    async fn take(&mut self, Done { group, end }: Done) -> Result<Vec<Group>, SpoolError> {
        let mut onward = Vec::new();
        match end {
            End::NotBegun | End::Refused(Admission::Enter(_)) => return Ok(onward),
            End::Refused(Admission::Blocked(wait, reason)) => self.change(&group, |clock, status| clock.blocked(status, wait, &reason)),
            End::Refused(Admission::Later(wait)) => self.change(&group, |clock, status| clock.put_back(status, wait)),
            End::Attempted(outcome) if outcome.is_corrupt => self.is_corrupt = true,
            End::Attempted(outcome) => {
                onward = outcome.onward;
                self.note(&outcome.verdicts, group.class);
            }
        }
        // There is no such message any more.
        if self.is_corrupt {
            return Ok(Vec::new());
        }
        // A message that is done is ended at once, which says the same.
        if !self.is_done() {
            self.store().await?;
        }
        Ok(onward)
    }

    /// Puts verdicts into the statuses, the log and the counts.
    fn note(&mut self, verdicts: &[Verdict], class: Class) {
        let now = Timestamp::now();
        let clock = Clock { envelope: &self.envelope, times: self.setting.rules.retry, now };
        for verdict in verdicts {
            if let Some(status) = self.claim.statuses_mut().get_mut(verdict.place) {
                clock.after(status, verdict);
            }
            journal::answered(&self.works.metrics, self.claim.entry(), verdict, class, now);
        }
    }

    fn change(&mut self, group: &Group, change: impl Fn(&Clock<'_>, &mut Status)) {
        let clock = Clock { envelope: &self.envelope, times: self.setting.rules.retry, now: Timestamp::now() };
        for addressee in &group.addressees {
            if let Some(status) = self.claim.statuses_mut().get_mut(addressee.place) {
                change(&clock, status);
            }
        }
    }

    /// The content is not what was stored: nobody else can have it.
    fn give_up(&mut self) {
        let pending = self.claim.entry().statuses().iter().enumerate().filter(|(_, status)| status.due().is_some());
        let damaged = |(place, _)| Verdict::own(place, Reply::new(554, (3, 0), "The message was damaged while it lay in the queue"));
        let verdicts: Vec<_> = pending.map(damaged).collect();
        self.note(&verdicts, Class::Nowhere);
    }

    fn is_done(&self) -> bool {
        self.claim.entry().statuses().iter().all(|status| matches!(status, Status::Delivered | Status::Returned(_)))
    }

    /// Queues the reports of these kinds that are due, and then notes that they were. False when they can't be queued now.
    async fn report(&mut self, kinds: &[Kind]) -> Result<bool, SpoolError> {
        let bytes = (!self.is_corrupt).then(|| self.claim.body_bytes());
        let Works { spool, metrics, .. } = &*self.works;
        let reporter = Reporter { spool, host: self.setting.host(), rules: &self.setting.rules, metrics };
        match reporter.report(Subject { entry: self.claim.entry(), bytes }, kinds, Timestamp::now()).await {
            Ok(told) if told.is_empty() => return Ok(true),
            Ok(told) => {
                for place in told {
                    self.claim.statuses_mut().get_mut(place).map(mark_told);
                }
            }
            Err(error) => {
                let id = self.claim.entry().id();
                journal::report_failed(id, &error);
                // What is owed is due at once, but not so soon.
                spool.reschedule(id, later(Timestamp::now(), AGAIN)).await?;
                return Ok(false);
            }
        }
        if !self.is_done() && !self.is_corrupt {
            self.store().await?;
        }
        Ok(true)
    }

    /// Ends the message, or gives it back.
    async fn end(self) -> Result<(), SpoolError> {
        if self.is_corrupt {
            // It is not in the queue any more.
            return Ok(());
        }
        if !self.is_done() {
            return self.claim.release().await;
        }
        let (works, id) = (Arc::clone(&self.works), self.claim.entry().id());
        let mut ended = self.claim.finish().await;
        let mut patience = Patience::new();
        while ended.as_ref().is_err_and(is_passing) && patience.lasts().await {
            // The claim went with the first try. What is done is done, whoever has claimed it by now.
            ended = works.spool.remove(id).await;
        }
        ended
    }

    /// Stores the statuses. A storage that fails is asked again for a while: nobody else knows what became of the message.
    async fn store(&mut self) -> Result<(), SpoolError> {
        let mut patience = Patience::new();
        let mut stored = self.claim.update().await;
        while stored.as_ref().is_err_and(is_passing) && patience.lasts().await {
            stored = self.claim.update().await;
        }
        stored
    }

    /// Keeps the message ours. A storage that fails for a moment does not take it from us; a lease that is over does.
    async fn renew(&mut self) -> Result<(), SpoolError> {
        self.renewal = Instant::now() + RENEWAL;
        match self.claim.renew(later(Timestamp::now(), LEASE)).await {
            Err(error) if is_passing(&error) => Ok(()),
            renewed => renewed,
        }
    }
}

/// Waits between tries, longer each time, and not for ever.
struct Patience {
    begun: Instant,
    pause: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { begun: Instant::now(), pause: STORE_PAUSE / 32 }
    }

    /// Waits; false when it was long enough in all.
    async fn lasts(&mut self) -> bool {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(STORE_PAUSE);
        self.begun.elapsed() < STORE_PATIENCE
    }
}

/// Whether the storage may do later what it could not do now.
fn is_passing(error: &SpoolError) -> bool {
    matches!(error, SpoolError::Full(_) | SpoolError::Unavailable(_))
}

/// Delivers to one group, when its site lets it in.
async fn deliver<S: Spool>(works: Arc<Works<S>>, setting: Setting, letter: Letter, group: Group) -> Done {
    let bounds = setting.bounds();
    let entered = tokio::select! {
        biased;
        () = works.ending.cancelled() => return Done { group, end: End::NotBegun },
        entered = works.sites.enter(&group.site, &bounds) => entered,
    };
    let pass = match entered {
        Admission::Enter(pass) => pass,
        refused => return Done { group, end: End::Refused(refused) },
    };
    works.metrics.attempts.inc();
    let content = Content::new(&works.spool, letter.id, letter.bytes);
    let outcome = attempt(&works.outbound, &letter.envelope, &group, content).await;
    match &outcome.unreachable {
        Some(reply) => pass.failed(failure(reply, None, Timestamp::now()), &bounds),
        None => pass.reached(&bounds),
    }
    Done { group, end: End::Attempted(outcome) }
}
