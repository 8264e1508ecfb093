//! What is done to messages, a page at a time.

use axum::{Json, extract::State};
use jiff::Timestamp;
use postern_spool::{Listed, MessageId, Spool, SpoolError};
use tokio::task::JoinSet;

use super::{Problem, Queue, selection::Wanted};
use crate::queue_tools::{
    Bounce, BounceError,
    wire::{Action, Change, Changed, Failed, PAGE, Selection},
};

/// Changes at once: they share a sync, and leave room for the mail.
const AT_ONCE: usize = 32;

/// A message to which something is to be done.
#[derive(Clone, Copy)]
struct Target {
    id: MessageId,
    /// Whether a delivery has it.
    claimed: bool,
}

pub(super) async fn change<S: Spool, B: Bounce>(
    State(queue): State<Queue<S, B>>,
    Json(Change { action, selection }): Json<Change>,
) -> Result<Json<Changed>, Problem> {
    let spool = queue.spool()?;
    let mut changed = Changed::default();
    let targets = match selection {
        Selection::These(ids) if ids.len() > PAGE => return Err(Problem::TooMany(ids.len())),
        Selection::These(ids) => {
            changed.examined = ids.len();
            named(&*spool, ids, &mut changed).await
        }
        Selection::Matching { filter, after } => {
            let page = Wanted::try_from(filter)?.page(&*spool, after).await?;
            (changed.examined, changed.next) = (page.examined, page.next);
            page.messages.iter().map(Target::from).collect()
        }
    };
    for targets in targets.chunks(AT_ONCE) {
        if changed.stopped.is_none() {
            change_some(&*spool, &queue.bounce, action, targets, &mut changed).await;
        }
    }
    changed.failed.sort_unstable_by_key(|failed| failed.id);
    Ok(Json(changed))
}

impl From<&Listed> for Target {
    fn from(listed: &Listed) -> Self {
        Self { id: listed.entry.id(), claimed: listed.claimed }
    }
}

/// The messages of these names. Whoever named one that is not there is told.
async fn named(spool: &impl Spool, ids: Vec<MessageId>, changed: &mut Changed) -> Vec<Target> {
    let mut targets = Vec::with_capacity(ids.len());
    for id in ids {
        match spool.get(id).await {
            Ok(listed) => targets.push(Target::from(&listed)),
            Err(error) => changed.fail(id, &error.into()),
        }
    }
    targets
}

/// Does it to all of them at the same time.
async fn change_some<S: Spool, B: Bounce>(spool: &S, bounce: &B, action: Action, targets: &[Target], changed: &mut Changed) {
    let mut running = JoinSet::new();
    for &target in targets {
        let (spool, bounce) = (spool.clone(), bounce.clone());
        running.spawn(async move { (target, change_one(&spool, &bounce, action, target.id).await) });
    }
    // A task is neither cancelled nor panics.
    while let Some(Ok((target, outcome))) = running.join_next().await {
        match outcome {
            Ok(()) => changed.succeed(target),
            // It was there a moment ago, and ended as messages do.
            Err(BounceError::Spool(SpoolError::NotFound(_))) => {}
            Err(error) => changed.fail(target.id, &error),
        }
    }
}

async fn change_one(spool: &impl Spool, bounce: &impl Bounce, action: Action, id: MessageId) -> Result<(), BounceError> {
    match action {
        Action::Count => {}
        Action::Hold => spool.hold(id).await?,
        Action::Release => spool.resume(id).await?,
        Action::Retry => spool.reschedule(id, Timestamp::now()).await?,
        Action::Bounce => bounce.bounce(id).await?,
        Action::Delete => spool.remove(id).await?,
    }
    Ok(())
}

impl Changed {
    fn succeed(&mut self, Target { claimed, .. }: Target) {
        self.done += 1;
        self.claimed += usize::from(claimed);
    }

    fn fail(&mut self, id: MessageId, error: &BounceError) {
        if stops(error) {
            self.stopped = Some(error.to_string());
        } else {
            self.failed.push(Failed { id, error: error.to_string() });
        }
    }
}

/// Whether it would fail the same for every other message.
fn stops(error: &BounceError) -> bool {
    matches!(error, BounceError::Spool(SpoolError::Unavailable(_) | SpoolError::Closed))
}
