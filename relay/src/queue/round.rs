//! One message, from its claim to its end or to its next turn.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
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
    plan::{Group, Plan},
    progress::{Clock, failure},
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
/// When a report that could not be queued is tried again.
const REPORT_AGAIN: Duration = Duration::from_mins(1);

/// One message that is claimed.
pub(super) struct Round<S: Spool> {
    works: Arc<Works<S>>,
    claim: S::Claim,
    setting: Setting,
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
        Self { works, claim, setting, renewal: Instant::now() + RENEWAL, is_corrupt: false }
    }

    /// Delivers to all that are due, reports what is to be reported, and gives the message back or ends it.
    pub(super) async fn run(mut self) {
        let id = self.claim.entry().id();
        let worked = async {
            // What a crash left undone.
            self.report().await?;
            self.deliver().await?;
            self.report().await
        };
        let ended = match worked.await {
            Ok(()) => self.end().await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            journal::interrupted(id, &error);
        }
    }

    async fn deliver(&mut self) -> Result<(), SpoolError> {
        let plan = Plan::new(&self.setting.snapshot.policy, self.claim.entry(), Timestamp::now());
        if !plan.refused.is_empty() {
            let verdicts = plan.refused.into_iter().map(|(place, reply)| Verdict { place, reply, by: None }).collect();
            self.note(verdicts, Class::Nowhere);
            self.store().await?;
        }
        let entry = self.claim.entry();
        let letter = Letter { id: entry.id(), envelope: Arc::new(entry.envelope().clone()), bytes: self.claim.body_bytes() };
        // Deliveries end with this future, unless they are waited for.
        let mut deliveries = JoinSet::new();
        let mut begin = |deliveries: &mut JoinSet<Done>, groups: Vec<Group>, setting: &Setting| {
            for group in groups {
                deliveries.spawn(deliver(Arc::clone(&self.works), setting.clone(), letter.clone(), group));
            }
        };
        begin(&mut deliveries, plan.groups, &self.setting);
        loop {
            tokio::select! {
                done = deliveries.join_next() => match done {
                    None => return Ok(()),
                    // A panic: its recipients stay as they are.
                    Some(Err(_)) => {}
                    Some(Ok(Done { group, end })) => {}
                },
                () = sleep_until(self.renewal) => self.renew().await?,
            }
        }
    }
}
