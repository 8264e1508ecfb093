//! Time as engines store it.

use std::time::Duration;

use jiff::Timestamp;

/// Milliseconds since 1970, as engines store them.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// `time` and `duration` later, as engines store it.
pub(crate) fn millis_after(time: Timestamp, duration: Duration) -> i64 {
    millis(time).saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// The time; the nearest that there is.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
