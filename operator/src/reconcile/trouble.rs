//! What kept a relay from being carried out, as its status shows it.

use crate::{
    apply::{Applied, Fault, Rollout},
    cluster::PodFacts,
    status::{Reason, Trouble},
};

/// The trouble that counts most of all that came of applying.
pub(super) fn trouble(applied: &Applied) -> Option<Trouble> {
    if !applied.collisions.is_empty() {
        let message = applied.collisions.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Some(Trouble { reason: Reason::NameCollision, message, is_final: true });
    }
    let failure = applied.failures.iter().find(|failure| failure.fault.is_final()).or(applied.failures.first())?;
    let others = applied.failures.iter().filter(|other| *other != failure);
    let message = [failure].into_iter().chain(others).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Some(Trouble { reason: reason(&failure.fault), message, is_final: failure.fault.is_final() })
}

fn reason(fault: &Fault) -> Reason {
    match fault {
        Fault::QuotaExceeded(_) => Reason::QuotaExceeded,
        Fault::Forbidden(_) => Reason::Forbidden,
        Fault::ApiMissing(_) => Reason::ApiMissing,
        _ => Reason::ApplyFailed,
    }
}

/// Why pods don't get ready, or are not all new yet.
pub(super) fn waiting(pods: &[PodFacts], rollout: Rollout, wanted: i32) -> Option<(Reason, String)> {
    let stuck = pods.iter().filter(|pod| !pod.terminating && !pod.ready).find_map(|pod| {
        let (reason, message) = pod.waiting.as_ref()?;
        let kind = Reason::of_pods(reason);
        // Every pod passes through some of these states.
        if kind == Reason::NoReadyPods {
            return None;
        }
        Some((kind, format!("pod {}: {reason}: {message}", pod.name)))
    });
    let has_enough = i32::try_from(pods.iter().filter(|pod| pod.ready && !pod.terminating).count()).is_ok_and(|ready| ready >= wanted);
    match stuck {
        // Pods of before serve as well as ever; that new ones do not start is told all the same.
        Some(stuck) => Some(stuck),
        None if rollout.has_old_pods && has_enough => Some((Reason::RollingOut, "pods are replaced by new ones".to_owned())),
        None => None,
    }
}
