//! Claims what is due, and has it worked on.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use postern_spool::{Reach, Spool};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tracing::{error, warn};

use super::{
    round::{LEASE, Round},
    works::Works,
};

/// Most messages that are claimed at once: so many entries, without content, are in memory.
const MAX_CLAIMED: usize = 1000;
/// Most messages that are claimed with one question.
const BATCH: usize = 100;
/// The pause without news when something should be due and can't be claimed, such as when other relays have it.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause when the spool fails.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What follows a claim.
enum Next {
    /// Another one: more may be due.
    Claim,
    /// News of what is due. A database tells some time after a claim what is left, and until then it seems that all of it is.
    News,
    /// A rest: the spool failed.
    Rest,
}

/// Works on what is due until the end is near; gives what is still worked on then.
pub(super) async fn run<S: Spool>(works: Arc<Works<S>>) -> JoinSet<()> {
    let mut rounds = JoinSet::new();
    let ending = works.ending.clone();
    let mut due = works.spool.next_due();
    loop {
        let is_room = rounds.len() + BATCH <= MAX_CLAIMED;
        tokio::select! {
            biased;
            () = ending.cancelled() => return rounds,
            Some(ended) = rounds.join_next() => note(ended),
            () = until_due(&mut due), if is_room => {
                let next = claim(&works, &mut rounds).await;
                // Never long: nothing but the end interrupts it.
                tokio::select! {
                    () = ending.cancelled() => {}
                    () = pause(next, &mut due) => {}
                }
            }
        }
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "work on a message broke off: it is taken up again when its lease is over");
    }
}

/// Claims what is due, and begins to work on it. It is awaited to its end: what is claimed must not be forgotten.
async fn claim<S: Spool>(works: &Arc<Works<S>>, rounds: &mut JoinSet<()>) -> Next {
    let Some(setting) = works.setting() else {
        warn!("there is no configuration to deliver with");
        return Next::News;
    };
    match works.spool.claim(Reach::Due, Timestamp::now(), LEASE, BATCH).await {
        Ok(claims) => {
            let next = if claims.len() < BATCH { Next::News } else { Next::Claim };
            for claim in claims {
                rounds.spawn(Round::new(Arc::clone(works), claim, setting.clone()).run());
            }
            next
        }
        Err(error) => {
            error!(%error, "what is due can't be read from the spool");
            Next::Rest
        }
    }
}

async fn pause(next: Next, due: &mut watch::Receiver<Option<Timestamp>>) {
    match next {
        Next::Claim => {}
        Next::News => {
            if let Ok(Err(_)) = timeout(PAUSE, due.changed()).await {
                // There is no news any more.
                sleep(PAUSE).await;
            }
        }
        Next::Rest => sleep(PAUSE_AFTER_FAILURE).await,
    }
}

/// Waits until something is due, as far as is known.
async fn until_due(due: &mut watch::Receiver<Option<Timestamp>>) {
    loop {
        let next = *due.borrow_and_update();
        let wait = match next {
            Some(next) => Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default(),
            None => Duration::MAX,
        };
        // Whichever comes first: the time, or news.
        if wait.is_zero() || matches!(timeout(wait, due.changed()).await, Err(_) | Ok(Err(_))) {
            return;
        }
    }
}
