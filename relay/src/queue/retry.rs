//! When a recipient is tried again, and when no more. Pure.

use std::time::Duration;

use jiff::Timestamp;
use postern_config::RetryTimes;
use postern_spool::{Envelope, Failure, Retry, Status};

use crate::doubling::doubled;

/// How long a server without TLS is tried where TLS is asked for: it seldom learns it.
const WITHOUT_TLS: Duration = Duration::from_hours(4);
/// How far a wait may be off what it should be, so that what failed together is not tried again together.
pub(super) const JITTER: std::ops::RangeInclusive<f64> = 0.8..=1.2;

/// How urgent a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// It will never work.
    Permanent,
    /// The server offers no TLS (4.7.10).
    WithoutTls,
    /// It may work later.
    Temporary,
}

/// The enhanced codes that end a life.
const EXPIRED: (u8, u16, u16) = (5, 4, 7);
const NEVER_ENCRYPTED: (u8, u16, u16) = (5, 7, 10);

impl Class {
    fn of(failure: &Failure) -> Self {
        match (failure.code, failure.enhanced) {
            (500.., _) => Self::Permanent,
            (_, (_, 7, 10)) => Self::WithoutTls,
            _ => Self::Temporary,
        }
    }
}

/// What becomes of a recipient after an attempt that failed at `now`. `spread`, of [`JITTER`], is what the wait is multiplied with.
pub(super) fn after_attempt(
    failure: Failure,
    retry: &Retry,
    envelope: &Envelope,
    times: RetryTimes,
    now: Timestamp,
    spread: f64,
) -> Status {
    let wait = wait(times, retry.attempts).mul_f64(spread);
    let tried = Retry { attempts: retry.attempts.saturating_add(1), ..retry.clone() };
    wait_until(later(now, wait), failure, &tried, envelope, now)
}

/// What becomes of a recipient that was not tried, since its site can't be reached before `until`: no attempt is counted.
pub(super) fn behind_block(until: Timestamp, failure: Failure, retry: &Retry, envelope: &Envelope, now: Timestamp) -> Status {
    wait_until(until, failure, retry, envelope, now)
}

/// A recipient waits until `next`, or until its time is over, for one last attempt. When that has been, it has failed.
fn wait_until(next: Timestamp, failure: Failure, retry: &Retry, envelope: &Envelope, now: Timestamp) -> Status {
    let (end, verdict) = match Class::of(&failure) {
        Class::Permanent => return Status::Failed(failure),
        Class::WithoutTls => (later(envelope.arrival, WITHOUT_TLS).min(envelope.expires), NEVER_ENCRYPTED),
        Class::Temporary => (envelope.expires, EXPIRED),
    };
    if now >= end {
        let mut failure = failure;
        failure.enhanced = verdict;
        return Status::Failed(failure);
    }
    Status::Pending(Retry { next: whole_millisecond(next.min(end)), last: Some(failure), ..retry.clone() })
}

/// The wait after an attempt, when there were `attempts` before it.
fn wait(times: RetryTimes, attempts: u32) -> Duration {
    let first = Duration::from_secs(times.first_seconds.into());
    let longest = Duration::from_secs(times.longest_seconds.into());
    doubled(first, attempts, longest)
}

/// `time` and `wait`; as late as can be told when that is too late to be told.
pub(super) fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Spools tell times in milliseconds. What is due to them must be due to us.
fn whole_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
